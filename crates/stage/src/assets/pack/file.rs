//! Stores a whole asset folder in one small, compressed file. Textures are reduced in size, and meshes and motions are
//! quantised. A pack loads like the folder, and its assets produce the same scenes under the same names.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use crate::assets::collection::{Assets, Named};
use crate::assets::pack::byte_stream::{Damage, Reader, Writer};
use crate::assets::pack::mesh::{TextureTable, read_mesh, write_mesh};
use crate::assets::pack::named::{name, names};
use crate::assets::pack::video::{read_videos, write_videos};
use crate::assets::panorama::Panorama;
use crate::assets::prop::Prop;
use crate::assets::texture_file::{decode_texture, read_limited};
use crate::body::bone::Bone;
use crate::body::character::Character;
use crate::body::motion::{Motion, MotionSample};
use crate::body::skeleton::Skeleton;
use crate::error::StageError;
use crate::linear::{Quat, Vec3};
use crate::side::Side;
use crate::texture::Texture;

const MAGIC: &[u8; 12] = b"stage-pack1\n";
/// Longest body after unpacking, in bytes.
const BODY_LIMIT: u64 = 1 << 30;

impl Assets {
    /// Writes all loaded assets into one file of at most `limit` bytes, with the finest textures that fit. Returns the
    /// file's length.
    ///
    /// # Errors
    /// [`StageError::TooLarge`] when even the coarsest textures do not fit; [`StageError::Unwritable`].
    pub fn pack(&self, path: &Path, limit: u64) -> Result<u64, StageError> {
        let mut length = 0;
        for side in [512, 256, 128, 64] {
            let bytes = self.packed(side).map_err(|reason| StageError::Unwritable { path: path.to_owned(), reason })?;
            length = bytes.len() as u64;
            if length <= limit {
                media::file::write_atomic(path, &bytes)?;
                return Ok(length);
            }
        }
        Err(StageError::TooLarge { path: path.to_owned(), what: "the pack in bytes", found: length, limit })
    }

    fn packed(&self, side: usize) -> Result<Vec<u8>, String> {
        let mut table = TextureTable::default();
        let mut body = Writer::default();
        body.list(&self.characters, |out, named| {
            name(out, named);
            let skeleton = named.item.skeleton();
            let joints: Vec<usize> = (0..skeleton.joints.len()).collect();
            out.list(&joints, |out, &joint| {
                out.text(&plain_name(skeleton, joint));
                out.u16(skeleton.joints[joint].parent.map_or(u16::MAX, |parent| parent as u16));
                out.floats(skeleton.joints[joint].rest.into());
            });
            write_mesh(out, named.item.mesh(), &mut table);
        });
        body.list(&self.motions, |out, named| {
            name(out, named);
            write_motion(out, &named.item);
        });
        body.list(&self.props, |out, named| {
            name(out, named);
            out.f32(named.item.held_end());
            write_mesh(out, named.item.mesh(), &mut table);
        });
        let mut failed = None;
        let mut picture = |out: &mut Writer, texture: &Texture, side: usize| match texture.encoded(side) {
            Ok(bytes) => out.bytes(&bytes),
            Err(reason) => failed = Some(reason),
        };
        body.list(&self.panoramas, |out, named| {
            name(out, named);
            named.item.light.iter().for_each(|coefficient| out.floats(*coefficient));
            out.floats(named.item.brightest.into());
            picture(out, &named.item.texture(), 2 * side.max(256));
        });
        body.list(&self.textures, |out, named| {
            name(out, named);
            picture(out, &named.item, side);
        });
        // A pack without videos ends here, like packs from before there were videos.
        if !self.videos.is_empty() {
            write_videos(&mut body, &self.videos, side.max(256) as u32)?;
        }
        // Textures come first, because meshes refer to them.
        let mut whole = Writer::default();
        whole.list(&table.textures, |out, texture| picture(out, texture, side));
        if let Some(reason) = failed {
            return Err(reason);
        }
        whole.0.extend(body.0);
        let mut encoder = ZlibEncoder::new(MAGIC.to_vec(), Compression::best());
        encoder.write_all(&whole.0).map_err(|error| error.to_string())?;
        encoder.finish().map_err(|error| error.to_string())
    }

    /// Reads a file written by [`pack`](Self::pack).
    ///
    /// # Errors
    /// [`StageError::Unreadable`], [`StageError::TooLarge`], [`StageError::Malformed`].
    pub fn unpack(path: &Path) -> Result<Self, StageError> {
        let malformed =
            |found: String| StageError::Malformed { path: path.to_owned(), found, expected: "an asset pack" };
        let bytes = read_limited(path)?;
        let packed = bytes.strip_prefix(MAGIC).ok_or_else(|| malformed("its first bytes are wrong".into()))?;
        let mut body = Vec::new();
        let mut decoder = ZlibDecoder::new(packed).take(BODY_LIMIT + 1);
        decoder.read_to_end(&mut body).map_err(|error| malformed(error.to_string()))?;
        if body.len() as u64 > BODY_LIMIT {
            let path = path.to_owned();
            return Err(StageError::TooLarge {
                path,
                what: "unpacked length",
                found: body.len() as u64,
                limit: BODY_LIMIT,
            });
        }
        read_body(&mut Reader(&body), path).map_err(malformed)
    }
}

/// True if a path is a pack and not a folder.
pub(crate) fn is_pack(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|data| data.is_file())
}

fn read_body(from: &mut Reader<'_>, path: &Path) -> Result<Assets, Damage> {
    let picture = |from: &mut Reader<'_>| -> Result<Texture, Damage> {
        decode_texture(path, from.bytes()?).map_err(|error| error.to_string())
    };
    let textures = from.list(|from| Ok(Arc::new(picture(from)?)))?;
    Ok(Assets {
        characters: from.list(|from| {
            let (pack, name) = names(from)?;
            let joints = from.list(|from| {
                let (name, parent, rest) = (from.text()?, from.u16()?, from.floats::<3>()?);
                Ok((name, (parent != u16::MAX).then_some(usize::from(parent)), Vec3::from(rest)))
            })?;
            let ordered =
                joints.iter().enumerate().all(|(index, (_, parent, _))| parent.is_none_or(|parent| parent < index));
            if !ordered {
                return Err("joints before their parents".into());
            }
            let skeleton = Skeleton::new(joints)?;
            let mesh = read_mesh(from, &textures)?;
            let bound = |joints: &[u16; 4]| joints.iter().all(|joint| usize::from(*joint) < skeleton.joints.len());
            if mesh.joints.len() != mesh.positions.len() || !mesh.joints.iter().all(bound) {
                return Err("a person is not bound to its joints".into());
            }
            Ok(Named::new(&pack, &name, Character::new(name.clone(), pack.clone(), skeleton, mesh)?))
        })?,
        motions: from.list(|from| {
            let (pack, name) = names(from)?;
            let motion = read_motion(from, &pack, &name)?;
            Ok(Named::new(&pack, &name, motion))
        })?,
        props: from.list(|from| {
            let (pack, name) = names(from)?;
            let held_end = from.f32()?;
            let mut mesh = read_mesh(from, &textures)?;
            mesh.joints.clear();
            mesh.weights.clear();
            Ok(Named::new(&pack, &name, Prop::new(name.clone(), pack.clone(), mesh).with_held_end(held_end)))
        })?,
        panoramas: from.list(|from| {
            let (pack, name) = names(from)?;
            let mut light = [[0.0; 3]; 9];
            for coefficient in &mut light {
                *coefficient = from.floats()?;
            }
            let brightest = Vec3::from(from.floats::<3>()?);
            Ok(Named::new(&pack, &name, Panorama::new(&picture(from)?, Some((light, brightest)))))
        })?,
        textures: from.list(|from| {
            let (pack, name) = names(from)?;
            Ok(Named::new(&pack, &name, picture(from)?))
        })?,
        videos: if from.0.is_empty() { Vec::new() } else { read_videos(from, path)? },
    })
}

/// A name from which the joint can be recognised again.
fn plain_name(skeleton: &Skeleton, joint: usize) -> String {
    const BONES: [&str; Bone::COUNT] = [
        "pelvis",
        "spine_01",
        "spine_02",
        "spine_03",
        "neck",
        "head",
        "clavicle_l",
        "upperarm_l",
        "lowerarm_l",
        "hand_l",
        "clavicle_r",
        "upperarm_r",
        "lowerarm_r",
        "hand_r",
        "thigh_l",
        "calf_l",
        "foot_l",
        "toes_l",
        "thigh_r",
        "calf_r",
        "foot_r",
        "toes_r",
    ];
    const FINGERS: [&str; 5] = ["thumb", "index", "middle", "ring", "pinky"];
    match (skeleton.bone_of[joint], skeleton.finger_of[joint]) {
        (Some(bone), _) => BONES[bone as usize].to_owned(),
        (None, Some((side, finger))) => {
            format!("{}_{}", FINGERS[finger], if side == Side::Left { "l" } else { "r" })
        }
        (None, None) => String::new(),
    }
}

fn write_motion(out: &mut Writer, motion: &Motion) {
    out.f32(motion.hip_height);
    for direction in &motion.directions {
        out.u8(u8::from(direction.is_some()));
        out.floats(direction.unwrap_or(Vec3::ZERO).into());
    }
    out.list(&motion.samples, |out, sample| out.floats(sample.pelvis.into()));
    for bone in 0..Bone::COUNT {
        for part in 0..4 {
            let mut last = 0i16;
            for sample in &motion.samples {
                let turn = sample.turns[bone];
                let whole = ([turn.x, turn.y, turn.z, turn.w][part] * 32_767.0).round() as i16;
                out.u16(whole.wrapping_sub(last) as u16);
                last = whole;
            }
        }
    }
}

fn read_motion(from: &mut Reader<'_>, pack: &str, name: &str) -> Result<Motion, Damage> {
    let hip_height = from.f32()?;
    let mut directions = [None; Bone::COUNT];
    for direction in &mut directions {
        let (known, way) = (from.u8()? != 0, Vec3::from(from.floats::<3>()?));
        *direction = known.then_some(way);
    }
    let pelvis = from.list(|from| from.floats::<3>())?;
    let mut parts = vec![[[0.0f32; 4]; Bone::COUNT]; pelvis.len()];
    for bone in 0..Bone::COUNT {
        for part in 0..4 {
            let mut last = 0i16;
            for sample in &mut parts {
                last = last.wrapping_add(from.u16()? as i16);
                sample[bone][part] = f32::from(last);
            }
        }
    }
    let samples: Vec<MotionSample> = pelvis
        .into_iter()
        .zip(parts)
        .map(|(pelvis, parts)| MotionSample { turns: parts.map(Quat::from_parts), pelvis: pelvis.into() })
        .collect();
    if samples.is_empty() || hip_height < 1e-3 {
        return Err("an empty motion".into());
    }
    Ok(Motion { name: name.to_owned(), pack: pack.to_owned(), samples, hip_height, directions })
}
