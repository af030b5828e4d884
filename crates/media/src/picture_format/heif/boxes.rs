//! Reads the boxes of an HEIF or AVIF file (ISO/IEC 23008-12), which list the file's items, their types, and the
//! position of their bytes.

/// Largest number of items in a file.
const MOST_ITEMS: usize = 4096;

/// The identifier of an item in the file.
pub(super) type Id = u32;

/// One property of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Property {
    /// Columns and rows.
    Size(u32, u32),
    /// Quarter turns, counter-clockwise.
    Turn(u8),
    /// True if top and bottom are swapped, false if left and right are.
    Mirror { top_and_bottom: bool },
    /// The decoder's configuration: HEVC.
    Hevc(Vec<u8>),
    /// The decoder's configuration: AV1.
    Av1(Vec<u8>),
    /// An ICC profile.
    Icc(Vec<u8>),
    /// Code points of primaries and transfer.
    Numbers(u8, u8),
    /// The item is the transparency of another item.
    Alpha,
    /// Any other property.
    Other,
}

/// Where the bytes of an item are.
#[derive(Debug)]
struct Place {
    item: Id,
    /// 0 = in the file, 1 = in `idat`.
    method: u8,
    /// Offset and length of each piece.
    pieces: Vec<(u64, u64)>,
}

/// The content of a file.
#[derive(Debug, Default)]
pub(super) struct Boxes {
    pub(super) primary: Id,
    kinds: Vec<(Id, [u8; 4])>,
    places: Vec<Place>,
    properties: Vec<Property>,
    owned: Vec<(Id, Vec<usize>)>,
    /// Kind, from, to.
    references: Vec<([u8; 4], Id, Vec<Id>)>,
    idat: Vec<u8>,
}

impl Boxes {
    /// Reads the `meta` box of a file. None when the box violates the standard.
    pub(super) fn read(file: &[u8]) -> Option<Self> {
        let mut cursor = Cursor(file);
        while let Some((name, body)) = cursor.next_box() {
            if name == *b"meta" {
                let mut boxes = Self::default();
                boxes.read_meta(Cursor(body.get(4..)?))?;
                return Some(boxes);
            }
        }
        None
    }

    fn read_meta(&mut self, mut meta: Cursor<'_>) -> Option<()> {
        while let Some((name, body)) = meta.next_box() {
            let mut body = Cursor(body);
            match &name {
                b"pitm" => self.primary = if body.version()? == 0 { body.number(2)? } else { body.number(4)? } as Id,
                b"iinf" => self.read_kinds(body)?,
                b"iloc" => self.read_places(body)?,
                b"iref" => self.read_references(body)?,
                b"idat" => self.idat = body.0.to_vec(),
                b"iprp" => {
                    while let Some((name, body)) = body.next_box() {
                        match &name {
                            b"ipco" => self.read_properties(Cursor(body)),
                            b"ipma" => self.read_owned(Cursor(body))?,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        (self.primary != 0).then_some(())
    }

    fn read_kinds(&mut self, mut body: Cursor<'_>) -> Option<()> {
        let wide = body.version()? != 0;
        body.number(if wide { 4 } else { 2 })?;
        while let Some((name, entry)) = body.next_box() {
            let mut entry = Cursor(entry);
            let version = entry.version()?;
            if name != *b"infe" || version < 2 || self.kinds.len() >= MOST_ITEMS {
                continue;
            }
            let id = entry.number(if version == 2 { 2 } else { 4 })? as Id;
            entry.number(2)?;
            self.kinds.push((id, entry.take(4)?.try_into().ok()?));
        }
        Some(())
    }

    fn read_places(&mut self, mut body: Cursor<'_>) -> Option<()> {
        let version = body.version()?;
        let sizes = body.number(2)?;
        let [offset, length, base, index] = [12, 8, 4, 0].map(|shift| (sizes >> shift & 15) as usize);
        let index = if version == 0 { 0 } else { index };
        let count = body.number(if version < 2 { 2 } else { 4 })?;
        for _ in 0..count.min(MOST_ITEMS as u64) {
            let id = body.number(if version < 2 { 2 } else { 4 })? as Id;
            let method = if version == 0 { 0 } else { body.number(2)? as u8 & 15 };
            body.number(2)?;
            let start = body.number(base)?;
            let mut pieces = vec![];
            for _ in 0..body.number(2)? {
                body.number(index)?;
                pieces.push((start.checked_add(body.number(offset)?)?, body.number(length)?));
            }
            self.places.push(Place { item: id, method, pieces });
        }
        Some(())
    }

    fn read_references(&mut self, mut body: Cursor<'_>) -> Option<()> {
        let bytes = if body.version()? == 0 { 2 } else { 4 };
        while let Some((name, list)) = body.next_box() {
            let mut list = Cursor(list);
            let from = list.number(bytes)? as Id;
            let count = list.number(2)?;
            let to = (0..count).map(|_| list.number(bytes).map(|id| id as Id)).collect::<Option<_>>()?;
            self.references.push((name, from, to));
        }
        Some(())
    }

    fn read_properties(&mut self, mut body: Cursor<'_>) {
        while let Some((name, property)) = body.next_box() {
            // An unreadable property keeps its place in the numbering.
            self.properties.push(property_of(name, property).unwrap_or(Property::Other));
        }
    }

    fn read_owned(&mut self, mut body: Cursor<'_>) -> Option<()> {
        let head = body.number(4)?;
        let (version, wide) = (head >> 24, head & 1 == 1);
        for _ in 0..body.number(4)?.min(MOST_ITEMS as u64) {
            let id = body.number(if version == 0 { 2 } else { 4 })? as Id;
            let mut list = vec![];
            for _ in 0..body.number(1)? {
                let entry = body.number(if wide { 2 } else { 1 })?;
                // The highest bit marks an essential property. Numbers start at 1.
                list.push((entry & if wide { 0x7fff } else { 0x7f }) as usize);
            }
            self.owned.push((id, list));
        }
        Some(())
    }

    /// The four letters that name the kind of an item.
    pub(super) fn kind(&self, item: Id) -> Option<[u8; 4]> {
        self.kinds.iter().find(|(id, _)| *id == item).map(|(_, kind)| *kind)
    }

    /// Properties of an item in their order.
    pub(super) fn properties(&self, item: Id) -> impl Iterator<Item = &Property> {
        let lists = self.owned.iter().filter(move |(id, _)| *id == item);
        lists.flat_map(|(_, list)| list).filter_map(|number| self.properties.get(number.checked_sub(1)?))
    }

    /// Columns and rows of an item before rotation.
    pub(super) fn size(&self, item: Id) -> Option<(u32, u32)> {
        self.properties(item).find_map(|property| match property {
            Property::Size(width, height) => Some((*width, *height)),
            _ => None,
        })
    }

    /// The items that form an item.
    pub(super) fn made_of(&self, item: Id) -> &[Id] {
        let list = self.references.iter().find(|(kind, from, _)| kind == b"dimg" && *from == item);
        list.map_or(&[], |(_, _, to)| to)
    }

    /// The item that is the transparency of the primary one.
    pub(super) fn alpha(&self) -> Option<Id> {
        let of_primary = self.references.iter().filter(|(kind, _, to)| kind == b"auxl" && to.contains(&self.primary));
        let mut items = of_primary.map(|(_, from, _)| *from);
        items.find(|item| self.properties(*item).any(|property| *property == Property::Alpha))
    }

    /// The bytes of an item.
    pub(super) fn data(&self, file: &[u8], item: Id) -> Option<Vec<u8>> {
        let Place { method, pieces, .. } = self.places.iter().find(|place| place.item == item)?;
        let source = match method {
            0 => file,
            1 => &self.idat,
            _ => return None,
        };
        let mut data = vec![];
        for (start, length) in pieces {
            let rest = source.get(usize::try_from(*start).ok()?..)?;
            // A length of 0 means all remaining bytes.
            let piece = if *length == 0 { rest } else { rest.get(..usize::try_from(*length).ok()?)? };
            if data.len() + piece.len() > file.len() {
                return None;
            }
            data.extend_from_slice(piece);
        }
        Some(data)
    }
}

fn property_of(name: [u8; 4], bytes: &[u8]) -> Option<Property> {
    let mut body = Cursor(bytes);
    Some(match &name {
        b"ispe" => {
            body.number(4)?;
            Property::Size(body.number(4)? as u32, body.number(4)? as u32)
        }
        b"irot" => Property::Turn(body.number(1)? as u8 & 3),
        b"imir" => Property::Mirror { top_and_bottom: body.number(1)? & 1 == 0 },
        b"hvcC" => Property::Hevc(bytes.to_vec()),
        b"av1C" => Property::Av1(bytes.to_vec()),
        b"auxC" if bytes.windows(5).any(|word| word == b"alpha") => Property::Alpha,
        b"colr" => match body.take(4)? {
            b"prof" | b"rICC" => Property::Icc(body.0.to_vec()),
            b"nclx" => Property::Numbers(body.number(2)? as u8, body.number(2)? as u8),
            _ => Property::Other,
        },
        _ => Property::Other,
    })
}

/// Bytes that are read from front to back.
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    /// A number of up to eight bytes; 0 if it has no bytes.
    pub(super) fn number(&mut self, bytes: usize) -> Option<u64> {
        Some(self.take(bytes.min(8))?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    /// Reads the version of a full box and skips its flags.
    fn version(&mut self) -> Option<u8> {
        Some((self.number(4)? >> 24) as u8)
    }

    /// The next box: its name and content. None at the end, or when the box is longer than the remaining bytes.
    fn next_box(&mut self) -> Option<([u8; 4], &'a [u8])> {
        let length = self.number(4)?;
        let name = self.take(4)?.try_into().ok()?;
        let body = match length {
            0 => self.0.len(),
            1 => usize::try_from(self.number(8)?.checked_sub(16)?).ok()?,
            _ => usize::try_from(length.checked_sub(8)?).ok()?,
        };
        Some((name, self.take(body)?))
    }
}
