//! Stores rendered and encoded clips in a folder. Each clip is made once and stored under its index. An interrupted
//! preparation continues where it stopped.
//!
//! ```text
//! FOLDER/lessons/000017.safetensors          pictures: rendered and split, independent of any network
//! FOLDER/latents-1f2e3d4c/000017.safetensors the same as latents of the autoencoder with this hash
//! FOLDER/latents-1f2e3d4c/000017-2.safetensors its second copy in other colours
//! ```
//! Clip `i` depends only on the settings and `i`, so several processes can fill one folder, and the setting `clips` can
//! be increased later.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::{Tensor, f16};
use media::picture::{Mask, Picture};
use model::ModelBackend;
use model::small::autoencoder::{PIXELS_PER_CELL, SmallAutoencoder};
use serde::{Deserialize, Serialize};
use stage::{Assets, Clip, ClipSettings, ClipSpec, Passes, Split, render_parts, seed_of};

use crate::autoencoder;
use crate::checkpoint::{json, sha256};
use crate::data::colour_augmentation::MOST_COPIES;
use crate::data::crops::PictureFolder;
use crate::data::records::EncodedClip;
use crate::data::supervision::{SourceClip, SupervisionConfig, TrainingExample, split};
use crate::error::{Result, TrainError};
use crate::picture_tensor::tensor_from_pictures;
use crate::trainer::{Event, Progress, random_of_step};

/// Largest number of attempts for a clip whose person is never in view.
const ATTEMPTS: u64 = 8;

/// The folder of rendered training examples inside a set; its name is that of the first sets.
const EXAMPLES: &str = "lessons";

/// Settings of a set of clips.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetConfig {
    /// The folder for the clips; not used if they are `fresh` (streamed).
    #[serde(default)]
    pub folder: PathBuf,
    /// 3D assets; without them everything is procedural.
    #[serde(default)]
    pub assets: Option<PathBuf>,
    /// The split of the assets.
    pub split: Split,
    /// Number of clips.
    pub clips: u64,
    /// Number of recoloured copies of each clip, 0 to 5. A `fresh` clip is used only once, either in its own colours or
    /// in those of a copy.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub recoloured: u64,
    /// Number of new clips per step, which are rendered during the run and never stored. In this case, `clips` is the
    /// number of clips held in memory at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fresh: Option<f64>,
    /// Side of a rendered frame in pixels.
    #[serde(default = "default_side")]
    pub side: usize,
    /// Number of frames in a clip.
    #[serde(default = "default_frames")]
    pub frames: usize,
    /// Share of clips with a prop in the hand.
    #[serde(default = "half")]
    pub props: f32,
    /// Share of generated mannequins among the persons.
    #[serde(default = "tenth")]
    pub mannequins: f32,
    /// How clips become training examples.
    #[serde(default)]
    pub supervision: SupervisionConfig,
    /// Pictures for the background of reference persons.
    #[serde(default)]
    pub backgrounds: Vec<PictureFolder>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn default_side() -> usize {
    256
}

fn default_frames() -> usize {
    16
}

fn half() -> f32 {
    0.5
}

fn tenth() -> f32 {
    0.1
}

impl DatasetConfig {
    /// Hash of everything that determines clip `i`.
    fn identity(&self) -> Result<String> {
        let same = Self { folder: PathBuf::new(), clips: 0, recoloured: 0, ..self.clone() };
        Ok(sha256(json(&same, &self.folder)?.as_bytes()))
    }

    fn example_path(&self, index: u64) -> PathBuf {
        self.folder.join(EXAMPLES).join(format!("{index:06}.safetensors"))
    }

    /// Renders and splits every missing clip.
    ///
    /// # Errors
    /// [`TrainError::Mismatch`] when the folder was filled with other settings; the errors of assets and files.
    pub fn prepare(&self, progress: &mut Progress<'_>) -> Result<()> {
        if self.folder.as_os_str().is_empty() {
            return Err(TrainError::Setting {
                setting: "folder",
                found: String::new(),
                expected: "a folder for the clips",
            });
        }
        let folder = self.folder.join(EXAMPLES);
        std::fs::create_dir_all(&folder).map_err(TrainError::io(&folder))?;
        let identity = self.identity()?;
        let stamp = self.folder.join("settings.sha256");
        match std::fs::read_to_string(&stamp) {
            Ok(found) if found == identity => {}
            Ok(found) => {
                return Err(TrainError::Mismatch { path: stamp, what: "settings", found, expected: identity });
            }
            Err(_) => media::file::write_atomic(&stamp, identity.as_bytes())?,
        }
        let missing: Vec<u64> = (0..self.clips).filter(|index| !self.example_path(*index).exists()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let scenery = self.scenery(progress)?;
        for (done, index) in missing.iter().enumerate() {
            let (example, note) = self.example(*index, &scenery)?;
            example.save(&self.example_path(*index), &note)?;
            let ready = self.clips as usize - missing.len() + done + 1;
            if progress(&Event::Prepared { done: ready, of: self.clips as usize }).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Loads the assets for rendering.
    pub(crate) fn scenery(&self, progress: &mut Progress<'_>) -> Result<Scenery> {
        let mut scenery = Scenery { assets: Assets::procedural(), backgrounds: vec![] };
        if let Some(folder) = &self.assets {
            let (assets, warnings) = Assets::load(folder)?;
            for warning in warnings {
                let _ = progress(&Event::Warning { code: "stage.asset".into(), message: format!("{warning:?}") });
            }
            scenery.assets = assets;
        }
        for folder in &self.backgrounds {
            scenery.backgrounds.extend(folder.load()?);
        }
        Ok(scenery)
    }

    /// Training example number `index`, and its origin.
    pub(crate) fn example(&self, index: u64, scenery: &Scenery) -> Result<(TrainingExample, String)> {
        let Scenery { assets, backgrounds } = scenery;
        let settings = ClipSettings {
            width: self.side,
            height: self.side,
            frames: self.frames,
            split: Some(self.split),
            swapped: false,
            prop_share: self.props,
            mannequin_share: self.mannequins,
            ..ClipSettings::default()
        };
        let set = format!("train/{}", json(&self.split, &self.folder)?);
        for attempt in 0..ATTEMPTS {
            let seed = seed_of(&set, index + (attempt << 40));
            let spec = ClipSpec::draw(seed, assets, &settings)?;
            let clip = render_parts(&spec, assets, Passes { swapped: false, references: true })?;
            let source = source_clip(clip, spec.prop.is_some());
            if let Some(example) = split(&source, &self.supervision, backgrounds, &mut random_of_step(seed, 0)) {
                let person = format!("{}/{}", spec.person.character, spec.person.appearance);
                return Ok((example, format!("seed {seed}, person {person}, motion {}", spec.action.motion)));
            }
        }
        Err(TrainError::NoData { what: "visible persons", path: self.example_path(index) })
    }

    /// Refuses impossible settings.
    ///
    /// # Errors
    /// [`TrainError::Setting`] for too many copies.
    pub(crate) fn check(&self) -> Result<()> {
        if self.recoloured > MOST_COPIES {
            let found = self.recoloured.to_string();
            return Err(TrainError::Setting { setting: "recoloured", found, expected: "0 to 5" });
        }
        Ok(())
    }

    /// Encodes missing clips and reads all clips.
    ///
    /// # Errors
    /// The errors of [`prepare`](Self::prepare) and of the autoencoder's file; [`TrainError::Setting`] for too many
    /// copies.
    pub fn load<B: ModelBackend>(
        &self,
        autoencoder: &Path,
        device: &B::Device,
        progress: &mut Progress<'_>,
    ) -> Result<Vec<EncodedClip>> {
        self.check()?;
        self.prepare(progress)?;
        let bytes = std::fs::read(autoencoder).map_err(TrainError::io(autoencoder))?;
        let hash = sha256(&bytes);
        let folder = self.folder.join(format!("latents-{}", &hash[..8]));
        std::fs::create_dir_all(&folder).map_err(TrainError::io(&folder))?;
        let network = autoencoder::load::<B>(autoencoder, device)?.0.no_grad();
        let mut clips = vec![];
        let all = self.clips * (1 + self.recoloured);
        for number in 0..all {
            let (copy, index) = (number / self.clips, number % self.clips);
            let name = if copy == 0 { format!("{index:06}") } else { format!("{index:06}-{copy}") };
            let path = folder.join(format!("{name}.safetensors"));
            if !path.exists() {
                let (example, note) = TrainingExample::read(&self.example_path(index))?;
                encode(&example.recoloured(index, copy), &network, device).save(&path, &note)?;
            }
            clips.push(EncodedClip::read(&path)?.0);
            if number % 50 == 49 || number + 1 == all {
                let told: ControlFlow<()> = progress(&Event::Prepared { done: clips.len(), of: all as usize });
                if told.is_break() {
                    break;
                }
            }
        }
        Ok(clips)
    }
}

/// The assets for rendering.
pub(crate) struct Scenery {
    assets: Assets,
    backgrounds: Vec<Picture>,
}

fn source_clip(clip: Clip, has_object: bool) -> SourceClip {
    let take = clip.take;
    SourceClip {
        frames: take.frames,
        plates: clip.plate,
        person: take.person,
        objects: has_object.then_some(take.object),
        poses: take.poses,
        references: take.references.into_iter().zip(take.reference_masks).collect(),
    }
}

/// Encodes pictures to latents.
///
/// # Panics
/// When the pictures' sides are not multiples of 8.
pub fn encode<B: ModelBackend>(
    example: &TrainingExample,
    network: &SmallAutoencoder<B>,
    device: &B::Device,
) -> EncodedClip {
    let latents = |pictures: &[Picture]| -> ([usize; 4], Vec<f16>) {
        let parts: Vec<Tensor<B, 4>> =
            pictures.chunks(16).map(|group| network.encode(tensor_from_pictures::<B>(group, device))).collect();
        let all = Tensor::cat(parts, 0);
        let shape = all.dims();
        let values = all.into_data().convert::<f32>().into_vec::<f32>().unwrap_or_default();
        (shape, values.into_iter().map(f16::from_f32).collect())
    };
    let (shape, target) = latents(&example.target);
    let (width, height) = example.target[0].size();
    let mut skeleton = Vec::with_capacity(example.skeleton.len() * 3 * width * height);
    for picture in &example.skeleton {
        for channel in 0..3 {
            skeleton.extend(picture.cells().iter().map(|colour| colour[channel]));
        }
    }
    EncodedClip {
        shape,
        map: [height, width],
        target,
        environment: latents(&example.environment).1,
        objects: example.objects.as_ref().map(|pictures| latents(pictures).1),
        skeleton,
        depth: example.depth.iter().flat_map(|plane| plane.cells().to_vec()).collect(),
        loss_mask: example.loss_mask.iter().flat_map(cell_means).collect(),
        references: latents(&example.references).1,
    }
}

/// The mean over each latent cell.
fn cell_means(mask: &Mask) -> Vec<u8> {
    let side = PIXELS_PER_CELL;
    let (w, h) = (mask.width() / side, mask.height() / side);
    let mean = |cell: usize| {
        let (x, y) = (cell % w * side, cell / w * side);
        let sum: usize = (0..side * side).map(|i| usize::from(mask.get(x + i % side, y + i / side))).sum();
        (sum / (side * side)) as u8
    };
    (0..w * h).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::tensor::backend::Backend;
    use model::small::autoencoder::SmallAutoencoderConfig;

    use super::*;

    fn config(folder: &Path, clips: u64) -> DatasetConfig {
        DatasetConfig {
            folder: folder.join("clips"),
            assets: None,
            split: Split::Train,
            clips,
            recoloured: 0,
            fresh: None,
            side: 48,
            frames: 2,
            props: 0.5,
            mannequins: 1.0,
            supervision: SupervisionConfig { size: 32, references: 2, ..SupervisionConfig::default() },
            backgrounds: vec![],
        }
    }

    #[test]
    fn a_set_grows_and_its_clips_stay() {
        let folder = tempfile::tempdir().unwrap();
        let mut quiet = |_: &Event| ControlFlow::Continue(());
        config(folder.path(), 1).prepare(&mut quiet).unwrap();
        let first = std::fs::read(config(folder.path(), 1).example_path(0)).unwrap();
        config(folder.path(), 2).prepare(&mut quiet).unwrap();
        assert_eq!(first, std::fs::read(config(folder.path(), 2).example_path(0)).unwrap());
        let elsewhere = tempfile::tempdir().unwrap();
        config(elsewhere.path(), 2).prepare(&mut quiet).unwrap();
        for index in 0..2 {
            let read = |folder: &Path| std::fs::read(config(folder, 2).example_path(index)).unwrap();
            assert_eq!(read(folder.path()), read(elsewhere.path()), "clip {index}");
        }
        let other = DatasetConfig { frames: 3, ..config(folder.path(), 2) };
        assert_eq!(other.prepare(&mut quiet).unwrap_err().code(), "train.mismatch");
    }

    #[test]
    fn clips_are_encoded_once_for_each_autoencoder() {
        let folder = tempfile::tempdir().unwrap();
        let device = Default::default();
        Flex::seed(&device, 5);
        let sizes = SmallAutoencoderConfig::tiny();
        let network = sizes.init::<Flex>(&device);
        let weights = folder.path().join("autoencoder.safetensors");
        autoencoder::save(&network, &sizes, &weights).unwrap();
        let config = config(folder.path(), 2);
        let mut quiet = |_: &Event| ControlFlow::Continue(());
        let clips = config.load::<Flex>(&weights, &device, &mut quiet).unwrap();
        let (example, _) = TrainingExample::read(&config.example_path(1)).unwrap();
        assert_eq!(clips[1], encode(&example, &network, &device));
        assert_eq!((clips[1].shape, clips[1].map, clips[1].reference_count()), ([2, 4, 4, 4], [32, 32], 2));
        let back = network.decode(Tensor::from_data(
            burn::tensor::TensorData::new(
                clips[1].target.iter().map(|value| value.to_f32()).collect::<Vec<_>>(),
                [2, 4, 4, 4],
            ),
            &device,
        ));
        assert_eq!(back.dims(), [2, 3, 32, 32]);
        assert_eq!(config.load::<Flex>(&weights, &device, &mut quiet).unwrap(), clips);
        // With colour augmentation: the same clips, followed by their copies.
        let config = DatasetConfig { recoloured: 1, ..config };
        let more = config.load::<Flex>(&weights, &device, &mut quiet).unwrap();
        assert_eq!((more.len(), &more[..2]), (4, &clips[..]));
        assert_eq!(more[3], encode(&example.recoloured(1, 1), &network, &device));
        assert_ne!(more[3].target, clips[1].target);
        let config = DatasetConfig { recoloured: 6, ..config };
        assert_eq!(config.load::<Flex>(&weights, &device, &mut quiet).unwrap_err().code(), "train.setting");
    }

    #[test]
    fn focus_is_the_mean_of_a_cell() {
        let mask = Mask::from_fn(16, 8, |x, y| if x >= 8 && y < 4 { 255 } else { 0 });
        assert_eq!(cell_means(&mask), [0, 127]);
    }
}
