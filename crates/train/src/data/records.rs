//! Stores clips on disk, with one safetensors file per clip. A file contains either pictures as bytes (a
//! [`TrainingExample`]) or latents (an [`EncodedClip`]).
//!
//! | tensor | type | shape |
//! |---|---|---|
//! | example: target, environment, objects, skeleton | U8 | `[N, H, W, 3]` |
//! | example: depth, focus | U8 | `[N, H, W]` |
//! | example: references | U8 | `[R, H, W, 3]` |
//! | encoded: target, environment, objects | F16 | `[N, C, h, w]` |
//! | encoded: skeleton | U8 | `[N, 3, H, W]` |
//! | encoded: depth | U8 | `[N, H, W]` |
//! | encoded: focus | U8 | `[N, h, w]`, mean over each cell |
//! | encoded: references | F16 | `[R, C, h, w]` |

use std::collections::HashMap;
use std::path::Path;

use burn::tensor::f16;
use media::file::write_atomic;
use media::picture::{Picture, Plane};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::data::supervision::TrainingExample;
use crate::error::{Result, TrainError};

/// One tensor of bytes.
struct Entry {
    name: &'static str,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

fn write(path: &Path, entries: &[Entry], note: (&str, &str)) -> Result<()> {
    let damaged =
        |error: safetensors::SafeTensorError| TrainError::Damaged { path: path.into(), reason: error.to_string() };
    let mut views = vec![];
    for entry in entries {
        let view = TensorView::new(entry.dtype, entry.shape.clone(), &entry.bytes).map_err(damaged)?;
        views.push((entry.name, view));
    }
    let header = HashMap::from([(note.0.to_string(), note.1.to_string())]);
    let bytes = safetensors::serialize(views, Some(header)).map_err(damaged)?;
    Ok(write_atomic(path, &bytes)?)
}

struct Record {
    path: std::path::PathBuf,
    bytes: Vec<u8>,
}

impl Record {
    fn read(path: &Path) -> Result<Self> {
        Ok(Self { path: path.into(), bytes: std::fs::read(path).map_err(TrainError::io(path))? })
    }

    fn damaged(&self, reason: impl ToString) -> TrainError {
        TrainError::Damaged { path: self.path.clone(), reason: reason.to_string() }
    }

    fn tensors(&self) -> Result<SafeTensors<'_>> {
        SafeTensors::deserialize(&self.bytes).map_err(|error| self.damaged(error))
    }

    fn note(&self, key: &str) -> Result<String> {
        let (_, header) = SafeTensors::read_metadata(&self.bytes).map_err(|error| self.damaged(error))?;
        let found = header.metadata().as_ref().and_then(|texts| texts.get(key).cloned());
        found.ok_or_else(|| self.damaged(format!("its header has no `{key}`")))
    }

    fn bytes<const R: usize>(
        &self,
        tensors: &SafeTensors<'_>,
        name: &str,
        dtype: Dtype,
    ) -> Result<([usize; R], Vec<u8>)> {
        let view = tensors.tensor(name).map_err(|error| self.damaged(error))?;
        let shape = <[usize; R]>::try_from(view.shape())
            .map_err(|_| self.damaged(format!("`{name}` has shape {:?}, expected rank {R}", view.shape())))?;
        if view.dtype() != dtype {
            return Err(self.damaged(format!("`{name}` has type {:?}, expected {dtype:?}", view.dtype())));
        }
        Ok((shape, view.data().to_vec()))
    }

    fn pictures(&self, tensors: &SafeTensors<'_>, name: &str) -> Result<Vec<Picture>> {
        let ([_, height, width, channels], bytes) = self.bytes(tensors, name, Dtype::U8)?;
        if channels != 3 || height * width == 0 {
            return Err(self
                .damaged(format!("`{name}` has shape {height}x{width}x{channels}, expected pictures of 3 channels")));
        }
        Ok(bytes.chunks_exact(3 * height * width).map(|bytes| Picture::from_bytes(width, height, bytes)).collect())
    }

    fn planes(&self, tensors: &SafeTensors<'_>, name: &str) -> Result<Vec<Plane<u8>>> {
        let ([_, height, width], bytes) = self.bytes(tensors, name, Dtype::U8)?;
        if height * width == 0 {
            return Err(self.damaged(format!("`{name}` is empty")));
        }
        Ok(bytes.chunks_exact(height * width).map(|cells| Plane::from_cells(width, height, cells.to_vec())).collect())
    }

    fn halves(&self, tensors: &SafeTensors<'_>, name: &str) -> Result<([usize; 4], Vec<f16>)> {
        let (shape, bytes) = self.bytes(tensors, name, Dtype::F16)?;
        Ok((shape, bytes.as_chunks::<2>().0.iter().map(|two| f16::from_le_bytes(*two)).collect()))
    }
}

fn of_pictures(name: &'static str, pictures: &[Picture]) -> Entry {
    let (width, height) = pictures.first().map_or((0, 0), Plane::size);
    let bytes = pictures.iter().flat_map(|picture| picture.bytes().to_vec()).collect();
    Entry { name, dtype: Dtype::U8, shape: vec![pictures.len(), height, width, 3], bytes }
}

fn of_planes(name: &'static str, planes: &[Plane<u8>]) -> Entry {
    let (width, height) = planes.first().map_or((0, 0), Plane::size);
    let bytes = planes.iter().flat_map(|plane| plane.cells().to_vec()).collect();
    Entry { name, dtype: Dtype::U8, shape: vec![planes.len(), height, width], bytes }
}

impl TrainingExample {
    /// Writes the training example. `note` describes its origin.
    ///
    /// # Errors
    /// [`TrainError::Media`].
    pub fn save(&self, path: &Path, note: &str) -> Result<()> {
        let mut entries = vec![
            of_pictures("target", &self.target),
            of_pictures("environment", &self.environment),
            of_pictures("skeleton", &self.skeleton),
            of_planes("depth", &self.depth),
            of_planes("focus", &self.loss_mask),
            of_pictures("references", &self.references),
        ];
        entries.extend(self.objects.iter().map(|objects| of_pictures("objects", objects)));
        write(path, &entries, ("source", note))
    }

    /// Reads a training example, with its note.
    ///
    /// # Errors
    /// [`TrainError::Io`], [`TrainError::Damaged`].
    pub fn read(path: &Path) -> Result<(Self, String)> {
        let record = Record::read(path)?;
        let tensors = record.tensors()?;
        let objects = tensors.names().contains(&"objects").then(|| record.pictures(&tensors, "objects")).transpose()?;
        let example = Self {
            target: record.pictures(&tensors, "target")?,
            environment: record.pictures(&tensors, "environment")?,
            skeleton: record.pictures(&tensors, "skeleton")?,
            depth: record.planes(&tensors, "depth")?,
            loss_mask: record.planes(&tensors, "focus")?,
            references: record.pictures(&tensors, "references")?,
            objects,
        };
        Ok((example, record.note("source")?))
    }
}

/// A clip in the form that the trainer reads.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodedClip {
    /// `[N, C, h, w]` of target and environment.
    pub shape: [usize; 4],
    /// Height and width of the skeleton maps.
    pub map: [usize; 2],
    /// Latents of the target.
    pub target: Vec<f16>,
    /// Latents of the environment.
    pub environment: Vec<f16>,
    /// Latents of the objects.
    pub objects: Option<Vec<f16>>,
    /// Skeleton maps, planar.
    pub skeleton: Vec<u8>,
    /// Structured depth.
    pub depth: Vec<u8>,
    /// The loss mask, averaged over each cell.
    pub loss_mask: Vec<u8>,
    /// Latents of the references.
    pub references: Vec<f16>,
}

impl EncodedClip {
    /// Number of references.
    pub fn reference_count(&self) -> usize {
        self.references.len() / self.shape[1..].iter().product::<usize>()
    }

    /// Writes the encoded clip. `note` names the training example and the autoencoder.
    ///
    /// # Errors
    /// [`TrainError::Media`].
    pub fn save(&self, path: &Path, note: &str) -> Result<()> {
        let [n, c, h, w] = self.shape;
        let [height, width] = self.map;
        let halves = |name, count: usize, values: &[f16]| Entry {
            name,
            dtype: Dtype::F16,
            shape: vec![count, c, h, w],
            bytes: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        };
        let bytes =
            |name, shape: Vec<usize>, values: &[u8]| Entry { name, dtype: Dtype::U8, shape, bytes: values.to_vec() };
        let mut entries = vec![
            halves("target", n, &self.target),
            halves("environment", n, &self.environment),
            halves("references", self.reference_count(), &self.references),
            bytes("skeleton", vec![n, 3, height, width], &self.skeleton),
            bytes("depth", vec![n, height, width], &self.depth),
            bytes("focus", vec![n, h, w], &self.loss_mask),
        ];
        entries.extend(self.objects.iter().map(|objects| halves("objects", n, objects)));
        write(path, &entries, ("source", note))
    }

    /// Reads an encoded clip, with its note.
    ///
    /// # Errors
    /// [`TrainError::Io`], [`TrainError::Damaged`].
    pub fn read(path: &Path) -> Result<(Self, String)> {
        let record = Record::read(path)?;
        let tensors = record.tensors()?;
        let (shape, target) = record.halves(&tensors, "target")?;
        let [n, c, h, w] = shape;
        let (environment_shape, environment) = record.halves(&tensors, "environment")?;
        let ([_, c_reference, h_reference, w_reference], references) = record.halves(&tensors, "references")?;
        let objects = tensors.names().contains(&"objects").then(|| record.halves(&tensors, "objects")).transpose()?;
        let ([frames, planes, height, width], skeleton) = record.bytes(&tensors, "skeleton", Dtype::U8)?;
        let (depth_shape, depth) = record.bytes::<3>(&tensors, "depth", Dtype::U8)?;
        let (loss_mask_shape, loss_mask) = record.bytes::<3>(&tensors, "focus", Dtype::U8)?;
        let fits = environment_shape == shape
            && [c_reference, h_reference, w_reference] == [c, h, w]
            && !references.is_empty()
            && objects.as_ref().is_none_or(|(found, _)| *found == shape)
            && [frames, planes] == [n, 3]
            && depth_shape == [n, height, width]
            && loss_mask_shape == [n, h, w];
        if !fits {
            return Err(record.damaged("the shapes of its tensors do not match"));
        }
        let objects = objects.map(|(_, values)| values);
        let clip =
            Self { shape, map: [height, width], target, environment, objects, skeleton, depth, loss_mask, references };
        Ok((clip, record.note("source")?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_and_damage_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let picture = |seed: u8| Picture::from_fn(8, 16, |x, y| [x as u8, y as u8, seed]);
        let plane = |seed: u8| Plane::from_fn(8, 16, |x, y| (x + y) as u8 + seed);
        for objects in [None, Some(vec![picture(5), picture(6)])] {
            let example = TrainingExample {
                target: vec![picture(1), picture(2)],
                environment: vec![picture(3), picture(4)],
                objects: objects.clone(),
                skeleton: vec![picture(7), picture(8)],
                depth: vec![plane(0), plane(9)],
                loss_mask: vec![plane(1), plane(2)],
                references: vec![picture(11)],
            };
            let path = folder.path().join("example");
            example.save(&path, "seed 1").unwrap();
            assert_eq!(TrainingExample::read(&path).unwrap(), (example, "seed 1".into()));
            let halves = |count: usize| (0..count).map(|index| f16::from_f32(index as f32 / 7.0)).collect::<Vec<_>>();
            let encoded = EncodedClip {
                shape: [2, 4, 2, 1],
                map: [16, 8],
                target: halves(16),
                environment: halves(16),
                objects: objects.map(|_| halves(16)),
                skeleton: vec![1; 2 * 3 * 128],
                depth: vec![2; 256],
                loss_mask: vec![3; 4],
                references: halves(24),
            };
            let path = folder.path().join("encoded");
            encoded.save(&path, "x").unwrap();
            assert_eq!(encoded.reference_count(), 3);
            assert_eq!(EncodedClip::read(&path).unwrap(), (encoded.clone(), "x".into()));
            EncodedClip { depth: vec![2; 128], map: [8, 8], ..encoded }.save(&path, "x").unwrap_err();
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
            assert_eq!(EncodedClip::read(&path).unwrap_err().code(), "train.damaged");
        }
    }
}
