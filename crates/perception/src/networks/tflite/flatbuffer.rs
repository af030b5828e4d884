//! Reads the parts of the flatbuffer format that model files need: tables, scalars, vectors and strings, with all
//! bounds checked.
//!
//! A table starts with a signed offset back to its vtable. The vtable consists of `u16` words: its own size, the
//! table's size, then one offset for each field (0 = absent, so the default applies). A vector consists of a `u32`
//! length and the items.

use super::{Fault, Result};

/// The bytes of a file, read at absolute positions.
#[derive(Clone, Copy)]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    fn array<const N: usize>(self, at: usize) -> Result<[u8; N]> {
        let bytes = at.checked_add(N).and_then(|end| self.0.get(at..end));
        bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| self.outside(at, N))
    }

    fn outside(self, at: usize, length: usize) -> Fault {
        Fault::malformed(format!("{length} bytes at {at} lie outside the {} bytes of the file", self.0.len()))
    }

    pub(crate) fn u16(self, at: usize) -> Result<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    pub(crate) fn u32(self, at: usize) -> Result<u32> {
        self.array(at).map(u32::from_le_bytes)
    }

    fn i32(self, at: usize) -> Result<i32> {
        self.array(at).map(i32::from_le_bytes)
    }

    /// Follows the unsigned offset stored at `at`.
    fn follow(self, at: usize) -> Result<usize> {
        let target = at.checked_add(self.u32(at)? as usize).ok_or_else(|| self.outside(at, 4))?;
        if target >= self.0.len() { Err(self.outside(target, 1)) } else { Ok(target) }
    }

    /// The table that the offset at `at` points to.
    pub(crate) fn table(self, at: usize) -> Result<Table<'a>> {
        let start = self.follow(at)?;
        let back = i64::from(self.i32(start)?);
        let vtable = usize::try_from(start as i64 - back).map_err(|_| self.outside(start, 4))?;
        let vtable_size = usize::from(self.u16(vtable)?);
        if vtable_size < 4 || !vtable_size.is_multiple_of(2) {
            return Err(Fault::malformed(format!("vtable of {vtable_size} bytes at {vtable}")));
        }
        let size = usize::from(self.u16(vtable + 2)?);
        Ok(Table { bytes: self, start, size, vtable, vtable_size })
    }

    fn vector(self, at: usize, item_size: usize) -> Result<Vector<'a>> {
        let start = self.follow(at)?;
        let length = self.u32(start)? as usize;
        let first = start + 4;
        let end = length.checked_mul(item_size).and_then(|size| first.checked_add(size));
        match end {
            Some(end) if end <= self.0.len() => Ok(Vector { bytes: self, first, length, item_size }),
            _ => Err(Fault::malformed(format!("vector of {length} items at {start} extends past the end of the file"))),
        }
    }
}

/// One table.
#[derive(Clone, Copy)]
pub(crate) struct Table<'a> {
    bytes: Bytes<'a>,
    start: usize,
    size: usize,
    vtable: usize,
    vtable_size: usize,
}

impl<'a> Table<'a> {
    /// The position of field number `field` of `width` bytes, if it is present.
    fn place(&self, field: usize, width: usize) -> Result<Option<usize>> {
        let entry = 4 + 2 * field;
        if entry + 2 > self.vtable_size {
            return Ok(None);
        }
        let offset = usize::from(self.bytes.u16(self.vtable + entry)?);
        if offset == 0 {
            return Ok(None);
        }
        if offset + width > self.size {
            return Err(Fault::malformed(format!("field {field} at {offset} in a table of {} bytes", self.size)));
        }
        Ok(Some(self.start + offset))
    }

    pub(crate) fn u8(&self, field: usize) -> Result<u8> {
        Ok(match self.place(field, 1)? {
            Some(at) => self.bytes.array::<1>(at)?[0],
            None => 0,
        })
    }

    pub(crate) fn flag(&self, field: usize) -> Result<bool> {
        Ok(self.u8(field)? != 0)
    }

    pub(crate) fn i32(&self, field: usize) -> Result<i32> {
        self.place(field, 4)?.map_or(Ok(0), |at| self.bytes.i32(at))
    }

    pub(crate) fn u32(&self, field: usize) -> Result<u32> {
        self.place(field, 4)?.map_or(Ok(0), |at| self.bytes.u32(at))
    }

    /// A 64-bit field, present or 0.
    pub(crate) fn u64(&self, field: usize) -> Result<u64> {
        self.place(field, 8)?.map_or(Ok(0), |at| self.bytes.array(at).map(u64::from_le_bytes))
    }

    pub(crate) fn table(&self, field: usize) -> Result<Option<Table<'a>>> {
        self.place(field, 4)?.map(|at| self.bytes.table(at)).transpose()
    }

    /// A vector of items of `item_size` bytes; absent = empty.
    pub(crate) fn vector(&self, field: usize, item_size: usize) -> Result<Vector<'a>> {
        match self.place(field, 4)? {
            Some(at) => self.bytes.vector(at, item_size),
            None => Ok(Vector { bytes: self.bytes, first: 0, length: 0, item_size }),
        }
    }

    /// A vector of tables.
    pub(crate) fn tables(&self, field: usize) -> Result<impl Iterator<Item = Result<Table<'a>>> + use<'a>> {
        let vector = self.vector(field, 4)?;
        Ok((0..vector.length).map(move |index| vector.bytes.table(vector.first + 4 * index)))
    }
}

/// A vector whose bytes are known to lie inside the file.
#[derive(Clone, Copy)]
pub(crate) struct Vector<'a> {
    bytes: Bytes<'a>,
    first: usize,
    length: usize,
    item_size: usize,
}

impl<'a> Vector<'a> {
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// The items as they lie in the file.
    pub(crate) fn raw(&self) -> &'a [u8] {
        &self.bytes.0[self.first..self.first + self.length * self.item_size]
    }

    /// The items as 32-bit numbers; for vectors read with an item size of 4.
    pub(crate) fn i32s(&self) -> impl Iterator<Item = i32> + use<'a> {
        self.raw().as_chunks::<4>().0.iter().map(|bytes| i32::from_le_bytes(*bytes))
    }

    /// The items as 16-bit numbers; for vectors read with an item size of 2.
    pub(crate) fn u16s(&self) -> impl Iterator<Item = u16> + use<'a> {
        self.raw().as_chunks::<2>().0.iter().map(|bytes| u16::from_le_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Root offset, vtable (3 fields: a byte, nothing, a vector), table, vector of two numbers.
    fn sample() -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(14_u32.to_le_bytes()); // 0: root table at 14
        bytes.extend([10_u16, 12, 4, 0, 8].map(u16::to_le_bytes).concat()); // 4: vtable
        bytes.extend(10_i32.to_le_bytes()); // 14: table, vtable at 14 - 10
        bytes.extend([7, 0, 0, 0]); // 18: field 0
        bytes.extend(4_u32.to_le_bytes()); // 22: field 2, vector at 26
        bytes.extend([2_u32, 5, 6].map(u32::to_le_bytes).concat()); // 26
        bytes
    }

    fn read(bytes: &[u8]) -> Result<(u8, i32, Vec<i32>)> {
        let table = Bytes(bytes).table(0)?;
        Ok((table.u8(0)?, table.i32(1)?, table.vector(2, 4)?.i32s().collect()))
    }

    #[test]
    fn fields_defaults_and_vectors() {
        assert_eq!(read(&sample()).unwrap(), (7, 0, vec![5, 6]));
        let bytes = sample();
        let table = Bytes(&bytes).table(0).unwrap();
        assert_eq!(table.i32(9).unwrap(), 0);
        assert_eq!(table.vector(9, 4).unwrap().len(), 0);
    }

    #[test]
    fn every_truncation_is_an_error() {
        let bytes = sample();
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "{length} bytes were accepted");
        }
    }

    #[test]
    fn no_byte_can_cause_a_panic() {
        for at in 0..sample().len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bytes = sample();
                bytes[at] = value;
                let _ = read(&bytes);
            }
        }
    }
}
