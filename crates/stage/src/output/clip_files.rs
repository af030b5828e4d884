//! Writes a clip as files. Each picture file is a strip of all frames, one below another; numbers are stored as JSON.
//!
//! | file | content |
//! |---|---|
//! | `clip.json` | [`ClipRecord`]: the description, and joints in pixels and metres, of the clip, the identity-swapped clip and the references |
//! | `rgb.png`, `plate.png`, `skeleton.png` | frames, the empty scene, the skeleton maps |
//! | `person.png`, `person-whole.png`, `object.png` | masks: the visible person, the unoccluded person, the prop in use |
//! | `scenery.png` | masks of furniture and bystanders side by side; absent when there are none |
//! | `depth.png`, `plate-depth.png` | 16-bit depth along the view axis in millimetres; 65535 means 65535 or more |
//! | `twin.*.png` | the same files for the other identity |
//! | `references.png`, `reference-masks.png`, `twin.references.png` | pictures of the identities |

use image::{ExtendedColorType, ImageEncoder};
use media::picture::{DepthMap, Mask, Picture};
use perception::maps::skeleton::{SkeletonStyle, draw_skeleton};
use perception::pose::{Joint, Pose};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::StageError;
use crate::linear::Vec3;
use crate::render::clip::Clip;
use crate::render::take::Take;
use crate::spec::ClipSpec;

/// The data of a clip besides its pictures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClipRecord {
    /// Its description, which renders to the same clip again.
    pub spec: ClipSpec,
    /// The data of the clip itself.
    pub take: TakeRecord,
    /// The data of the identity-swapped clip, if there is one.
    #[serde(default, rename = "twin")]
    pub swapped: Option<TakeRecord>,
}

/// The data of one identity in a clip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TakeRecord {
    /// Joints in pixels, for each frame.
    pub poses: Vec<Pose>,
    /// Body joints in metres.
    pub joints: Vec<[Vec3; Joint::COUNT]>,
    /// Joints in the reference pictures.
    pub reference_poses: Vec<Pose>,
}

impl TakeRecord {
    fn of(take: &Take) -> Self {
        Self { poses: take.poses.clone(), joints: take.joints.clone(), reference_poses: take.reference_poses.clone() }
    }
}

/// The files of a clip: names and bytes, in order.
///
/// # Errors
/// [`StageError::Unwritable`] when a picture cannot be encoded.
pub fn clip_files(spec: &ClipSpec, clip: &Clip) -> Result<Vec<(String, Vec<u8>)>, StageError> {
    let record = ClipRecord {
        spec: spec.clone(),
        take: TakeRecord::of(&clip.take),
        swapped: clip.swapped.as_ref().map(TakeRecord::of),
    };
    let json = serde_json::to_vec(&record).map_err(|error| unwritable(error.to_string()))?;
    // Encoding takes about as long as rendering, so strips are encoded in parallel.
    let mut strips: Vec<(String, Strip<'_>)> = vec![
        ("plate.png".into(), Strip::Colour(&clip.plate)),
        ("plate-depth.png".into(), Strip::Depth(&clip.plate_depth)),
    ];
    for (prefix, take) in [("", Some(&clip.take)), ("twin.", clip.swapped.as_ref())] {
        let Some(take) = take else { continue };
        let mut add = |name: &str, strip| strips.push((format!("{prefix}{name}.png"), strip));
        add("rgb", Strip::Colour(&take.frames));
        add("skeleton", Strip::Skeleton(take));
        add("person", Strip::Masks(vec![&take.person]));
        add("person-whole", Strip::Masks(vec![&take.person_whole]));
        add("object", Strip::Masks(vec![&take.object]));
        add("depth", Strip::Depth(&take.depth));
        if !take.scenery.is_empty() {
            add("scenery", Strip::Masks(take.scenery.iter().collect()));
        }
        if !take.references.is_empty() {
            add("references", Strip::Colour(&take.references));
            add("reference-masks", Strip::Masks(vec![&take.reference_masks]));
        }
    }
    let encoded: Result<Vec<_>, StageError> =
        strips.into_par_iter().map(|(name, strip)| Ok((name, strip.encoded()?))).collect();
    let mut files = vec![("clip.json".to_owned(), json)];
    files.extend(encoded?);
    Ok(files)
}

/// A picture file to be encoded.
enum Strip<'a> {
    Colour(&'a [Picture]),
    Skeleton(&'a Take),
    /// Puts lists side by side.
    Masks(Vec<&'a Vec<Mask>>),
    Depth(&'a [DepthMap]),
}

impl Strip<'_> {
    fn encoded(&self) -> Result<Vec<u8>, StageError> {
        match self {
            Self::Colour(pictures) => colour_strip(pictures),
            Self::Skeleton(take) => {
                let (width, height) = take.frames.first().map_or((1, 1), Picture::size);
                let style = SkeletonStyle::default();
                let maps: Vec<Picture> =
                    take.poses.iter().map(|pose| draw_skeleton(pose, width, height, &style)).collect();
                colour_strip(&maps)
            }
            Self::Masks(columns) => mask_strip(columns),
            Self::Depth(maps) => depth_strip(maps),
        }
    }
}

fn unwritable(reason: String) -> StageError {
    StageError::Unwritable { path: "a clip's picture".into(), reason }
}

fn png(bytes: &[u8], (width, height): (usize, usize), kind: ExtendedColorType) -> Result<Vec<u8>, StageError> {
    let mut out = Vec::new();
    image::codecs::png::PngEncoder::new(&mut out)
        .write_image(bytes, width as u32, height as u32, kind)
        .map_err(|error| unwritable(error.to_string()))?;
    Ok(out)
}

fn colour_strip(pictures: &[Picture]) -> Result<Vec<u8>, StageError> {
    let Some((width, height)) = pictures.first().map(Picture::size) else {
        return Err(unwritable("no pictures".into()));
    };
    let bytes: Vec<u8> = pictures.iter().flat_map(|picture| picture.bytes()).copied().collect();
    png(&bytes, (width, height * pictures.len()), ExtendedColorType::Rgb8)
}

/// Puts frames below one another and lists side by side.
fn mask_strip(columns: &[&Vec<Mask>]) -> Result<Vec<u8>, StageError> {
    let Some((width, height)) = columns.first().and_then(|list| list.first()).map(Mask::size) else {
        return Err(unwritable("no masks".into()));
    };
    let frames = columns[0].len();
    let rows = (0..frames).flat_map(|frame| (0..height).map(move |row| (frame, row)));
    let bytes: Vec<u8> =
        rows.flat_map(|(frame, row)| columns.iter().flat_map(move |list| list[frame].row(row))).copied().collect();
    png(&bytes, (width * columns.len(), height * frames), ExtendedColorType::L8)
}

fn depth_strip(maps: &[DepthMap]) -> Result<Vec<u8>, StageError> {
    let Some((width, height)) = maps.first().map(DepthMap::size) else { return Err(unwritable("no distances".into())) };
    let millimetres = |metres: &f32| ((metres * 1000.0 + 0.5).clamp(0.0, 65_535.0) as u16).to_ne_bytes();
    let bytes: Vec<u8> = maps.iter().flat_map(DepthMap::cells).flat_map(millimetres).collect();
    png(&bytes, (width, height * maps.len()), ExtendedColorType::L16)
}
