//! Inspects a data set: counts its distinct contents, and draws a sheet of its clips.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Read};

use media::picture::Picture;
use media::sheet::Sheet;

use crate::error::StageError;
use crate::output::clip_files::ClipRecord;
use crate::output::place::Place;
use crate::output::shard::{checked_shard, read_index};
use crate::spec::{Backdrop, ClipSpec, Usage};

/// Largest file that is extracted from a shard, in bytes.
const FILE_LIMIT: u64 = 256 << 20;
/// Side of a picture on the sheet.
const CELL: usize = 128;

/// The contents of a data set.
#[derive(Debug, Clone, Default)]
pub struct Inspection {
    /// Number of clips.
    pub clips: usize,
    /// Total number of frames.
    pub frames: usize,
    /// The identities. An identity is a mesh with one appearance.
    pub identities: BTreeSet<String>,
    /// The character meshes.
    pub characters: BTreeSet<String>,
    /// The motions.
    pub motions: BTreeSet<String>,
    /// The props, whether used or part of the scenery.
    pub props: BTreeSet<String>,
    /// The places: panoramas, videos, and for rooms the pairs of floor and wall.
    pub scenes: BTreeSet<String>,
    /// How often props are used in each way.
    pub usages: BTreeMap<&'static str, usize>,
    /// Number of clips with furniture, with bystanders, with motion blur, and with noise, in this order.
    pub extras: [usize; 4],
    /// Smallest share of the picture's height that a person has in the first frame of a clip, measured by the joints.
    pub smallest_person: f32,
}

impl Inspection {
    fn add(&mut self, record: &ClipRecord) {
        let spec = &record.spec;
        self.clips += 1;
        self.frames += record.take.poses.len();
        for cast in std::iter::once(&spec.person).chain(&spec.swapped).chain(spec.bystanders.iter().map(|by| &by.cast))
        {
            self.identities.insert(format!("{}/{}", cast.character, cast.appearance));
            self.characters.insert(cast.character.clone());
        }
        self.motions.insert(spec.action.motion.clone());
        let props = spec.prop.iter().map(|used| &used.prop).chain(spec.furniture.iter().map(|piece| &piece.prop));
        self.props.extend(props.cloned());
        self.scenes.insert(match &spec.scene.backdrop {
            Backdrop::Plain { colour } => format!("plain {colour:?}"),
            Backdrop::Room { floor, wall, .. } => format!("{} and {}", floor.texture, wall.texture),
            Backdrop::Panorama { panorama, .. } => panorama.clone(),
            Backdrop::Video { video, .. } => video.clone(),
        });
        if let Some(used) = &spec.prop {
            *self.usages.entry(usage_name(&used.usage)).or_default() += 1;
        }
        let there = [
            !spec.furniture.is_empty(),
            !spec.bystanders.is_empty(),
            spec.exposure.shutter > 0.0,
            spec.exposure.noise > 0.0,
        ];
        self.extras.iter_mut().zip(there).for_each(|(count, there)| *count += usize::from(there));
        let rows = record.take.poses.iter().take(1).flat_map(|pose| pose.body.iter().map(|point| point.y));
        let (low, high) = rows.fold((f32::MAX, f32::MIN), |(low, high), row| (low.min(row), high.max(row)));
        let share = ((high.min(spec.height as f32) - low.max(0.0)) / spec.height as f32).max(0.0);
        self.smallest_person = if self.clips == 1 { share } else { self.smallest_person.min(share) };
    }
}

/// The word for a use.
pub fn usage_name(usage: &Usage) -> &'static str {
    match usage {
        Usage::Hand { .. } => "in hand",
        Usage::BothHands => "in both hands",
        Usage::Seat { .. } => "sat on",
        Usage::Support { .. } => "leaned on",
        Usage::Kicked { .. } => "kicked",
        Usage::Near { .. } => "near",
    }
}

/// Checks every shard's checksum, counts the contents, and draws a sheet of `shown` clips spread over the set: the
/// middle frame, with masks, the empty scene, and the identity-swapped frame.
///
/// # Errors
/// The errors of [`crate::verify_shards`]; [`StageError::Malformed`] for a shard that is not a tar file of clips.
pub fn inspect_shards(place: &Place, shown: usize) -> Result<(Inspection, Picture), StageError> {
    let index = read_index(place)?;
    let total: u64 = index.shards.iter().map(|entry| entry.clips).sum();
    let step = (total / shown.max(1) as u64).max(1);
    let mut inspection = Inspection::default();
    let mut sheet = Sheet::new(8, CELL, CELL).titled(format!("{}: {total} clips", index.set));
    for entry in &index.shards {
        let path = place.path_of(&entry.name);
        let malformed =
            |found: String| StageError::Malformed { path: path.clone(), found, expected: "a shard of clips" };
        let mut archive = tar::Archive::new(BufReader::new(checked_shard(place, entry)?));
        let mut pictures: BTreeMap<String, Picture> = BTreeMap::new();
        let mut record: Option<ClipRecord> = None;
        let mut current = String::new();
        for file in archive.entries().map_err(|error| malformed(error.to_string()))? {
            let mut file = file.map_err(|error| malformed(error.to_string()))?;
            let name = String::from_utf8_lossy(&file.path_bytes()).into_owned();
            let Some((key, part)) = name.split_once('.') else {
                return Err(malformed(format!("unexpected file `{name}`")));
            };
            if key != current {
                show(&mut sheet, record.take(), &pictures);
                pictures.clear();
                current = key.to_owned();
            }
            let wanted = key.parse::<u64>().is_ok_and(|number| number.is_multiple_of(step));
            let mut bytes = Vec::new();
            if part == "clip.json"
                || (wanted && ["rgb.png", "person.png", "object.png", "plate.png", "twin.rgb.png"].contains(&part))
            {
                (&mut file).take(FILE_LIMIT).read_to_end(&mut bytes).map_err(|error| malformed(error.to_string()))?;
            }
            if part == "clip.json" {
                let read: ClipRecord = serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))?;
                inspection.add(&read);
                record = wanted.then_some(read);
            } else if let (Some(record), false) = (&record, bytes.is_empty()) {
                let frame = middle_frame(&bytes, &record.spec)
                    .ok_or_else(|| malformed(format!("unreadable picture `{name}`")))?;
                pictures.insert(part.to_owned(), frame);
            }
        }
        show(&mut sheet, record, &pictures);
    }
    Ok((inspection, sheet.render()))
}

/// The middle frame of a strip.
fn middle_frame(bytes: &[u8], spec: &ClipSpec) -> Option<Picture> {
    let picture = image::load_from_memory_with_format(bytes, image::ImageFormat::Png).ok()?.into_rgb8();
    let (width, height) = (spec.width, spec.height);
    let top = height * (picture.height() as usize / height.max(1) / 2);
    let fits = picture.width() as usize >= width && picture.height() as usize >= top + height;
    fits.then(|| Picture::from_fn(width, height, |x, y| picture.get_pixel(x as u32, (top + y) as u32).0))
}

fn show(sheet: &mut Sheet, record: Option<ClipRecord>, pictures: &BTreeMap<String, Picture>) {
    let (Some(record), Some(frame)) = (record, pictures.get("rgb.png")) else { return };
    let name = |id: &str| id.rsplit('/').next().unwrap_or_default().to_owned();
    sheet.push(frame, name(&record.spec.person.character));
    if let (Some(person), Some(object)) = (pictures.get("person.png"), pictures.get("object.png")) {
        let marked = Picture::from_fn(frame.width(), frame.height(), |x, y| {
            let (cell, person, object) = (frame.get(x, y), person.get(x, y)[0], object.get(x, y)[0]);
            let half = |value: u8, mark: u8| value / 2 + mark / 2;
            [half(cell[0], person), half(cell[1], object), half(cell[2], 0)]
        });
        sheet.push(&marked, record.spec.prop.as_ref().map_or("-", |used| usage_name(&used.usage)));
    }
    if let Some(plate) = pictures.get("plate.png") {
        sheet.push(plate, name(&record.spec.action.motion));
    }
    match (pictures.get("twin.rgb.png"), &record.spec.swapped) {
        (Some(swapped), Some(cast)) => sheet.push(swapped, name(&cast.character)),
        _ => sheet.skip(),
    }
}
