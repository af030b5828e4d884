//! Compares cut-out characters with the exact masks of rendered reference pictures.
//!
//! Usage: `measure cut-out-overlap CACHE ASSETS CLIPS`. `CACHE` is the cache of downloaded networks, `ASSETS` is a folder of
//! assets, and `CLIPS` is the number of clips, each with two reference pictures. For each picture the program prints
//! two values of intersection over union, one for the body mask alone and one for the cut-out. At the end, the program
//! prints the means over all pictures.
#![expect(clippy::print_stdout, reason = "prints its table")]

use std::path::{Path, PathBuf};

use media::geometry::Pts;
use media::picture::Mask;
use perception::perceiver::{Perceiver, PerceiverConfig, PersonModels};
use perception::person::cut_out::CutOutNetworks;
use stage::{Assets, ClipSettings, ClipSpec, Passes, render_parts};

pub(crate) fn run(arguments: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = arguments.iter().cloned();
    let mut next = || arguments.next().ok_or("expected CACHE ASSETS CLIPS");
    let (cache, assets, clips) = (next()?, next()?, next()?.parse::<u64>()?);
    let file = |name: &str, file: &str| found(Path::new(&cache), name, file);
    let models = PersonModels {
        detector: file("blazepose-detector", "pose_detection.tflite")?,
        landmarks: file("blazepose-landmarks-full", "pose_landmark_full.tflite")?,
        hand: None,
        face: None,
        selfie: Some(file("selfie-segmentation", "selfie_segmentation.tflite")?),
    };
    let networks = CutOutNetworks::open(&models, Some(&file("u2netp", "u2netp.onnx")?))?;
    let (assets, _) = Assets::load(Path::new(&assets))?;
    let settings = ClipSettings {
        width: 512,
        height: 512,
        frames: 2,
        swapped: false,
        references: 2,
        mannequin_share: 0.0,
        ..ClipSettings::default()
    };
    let mut sums = [0.0; 2];
    let mut count = 0.0;
    for seed in 0..clips {
        let spec = ClipSpec::draw(seed, &assets, &settings)?;
        let take = render_parts(&spec, &assets, Passes { swapped: false, references: true })?.take;
        for (index, (picture, truth)) in take.references.iter().zip(&take.reference_masks).enumerate() {
            let before = Perceiver::open(&models, PerceiverConfig::default())?.push(picture, Pts(0))?.person;
            let sight = networks.look(picture, None)?;
            let after = sight.mask.unwrap_or_else(|| Mask::filled(picture.width(), picture.height(), 0));
            let overlaps = [overlap(&before, truth), overlap(&after, truth)];
            sums.iter_mut().zip(overlaps).for_each(|(sum, overlap)| *sum += overlap);
            count += 1.0;
            let (name, is_person) = (&spec.person.character, sight.pose.is_some());
            println!("{seed:3}.{index} {:.3} {:.3} {is_person} {name}", overlaps[0], overlaps[1]);
        }
    }
    println!("mean of {count}: body mask {:.4}, cut-out {:.4}", sums[0] / count, sums[1] / count);
    Ok(())
}

/// A file of the cache, without checking its hash.
fn found(cache: &Path, name: &str, file: &str) -> Result<PathBuf, Box<dyn std::error::Error>> {
    for entry in std::fs::read_dir(cache.join(name))? {
        let path = entry?.path().join(file);
        if path.is_file() {
            return Ok(path);
        }
    }
    Err(format!("`{name}` is not in the cache").into())
}

/// Intersection over union, thresholded at half coverage.
fn overlap(one: &Mask, other: &Mask) -> f64 {
    let pairs = || one.cells().iter().zip(other.cells());
    let both = pairs().filter(|(one, other)| **one > 127 && **other > 127).count();
    let either = pairs().filter(|(one, other)| **one > 127 || **other > 127).count();
    both as f64 / either.max(1) as f64
}
