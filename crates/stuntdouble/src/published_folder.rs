//! Finds weight files in a folder, in the layout in which other projects publish them.
//!
//! | component | file, or folder that contains a diffusers file |
//! |---|---|
//! | autoencoder | `vae`, `sd-vae-ft-mse` |
//! | image encoder | `image_encoder` |
//! | reference network | `reference_unet`, else `unet` |
//! | denoiser | `denoising_unet`, else `unet` |
//! | temporal modules | `motion_module`, `motion_adapter`; not needed if the denoiser's file contains them |
//! | pose guider | `pose_guider`, else `controlnet` |

use std::path::{Path, PathBuf};

use model::weights::published::{Component, PublishedWeights};
use model::weights::{WeightError, Weights};

/// Extensions of weight files, in order of preference.
const ENDINGS: [&str; 5] = ["safetensors", "pth", "ckpt", "bin", "pt"];
/// Names of files in a diffusers folder.
const DIFFUSERS: [&str; 3] = ["diffusion_pytorch_model", "model", "pytorch_model"];

/// True if the folder has a file for a component.
pub(crate) fn is_published(folder: &Path) -> bool {
    Component::ALL.into_iter().any(|component| find(folder, component).is_some())
}

/// Reads the description of all its files.
///
/// # Errors
/// [`WeightError`].
pub(crate) fn open_published(folder: &Path) -> Result<PublishedWeights, WeightError> {
    let mut published = PublishedWeights::default();
    for component in Component::ALL {
        if let Some(file) = find(folder, component) {
            published.add(component, Weights::read(&[file])?)?;
        }
    }
    Ok(published)
}

fn names(component: Component) -> &'static [&'static str] {
    match component {
        Component::Autoencoder => &["vae", "sd-vae-ft-mse"],
        Component::ImageEncoder => &["image_encoder"],
        Component::ReferenceUnet => &["reference_unet", "unet"],
        Component::DenoisingUnet => &["denoising_unet", "unet"],
        Component::MotionModules => &["motion_module", "motion_adapter"],
        Component::PoseGuider => &["pose_guider", "controlnet"],
    }
}

fn find(folder: &Path, component: Component) -> Option<PathBuf> {
    let with_ending = |folder: &Path, stem: &str| {
        let path = |ending| folder.join(format!("{stem}.{ending}"));
        ENDINGS.into_iter().map(path).find(|path| path.is_file())
    };
    names(component).iter().find_map(|name| {
        let inside = folder.join(name);
        with_ending(folder, name).or_else(|| DIFFUSERS.iter().find_map(|stem| with_ending(&inside, stem)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_as_they_are_published() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_published(folder.path()));
        let found = |component| {
            find(folder.path(), component)
                .map(|path| path.strip_prefix(folder.path()).unwrap().to_str().unwrap().replace('\\', "/"))
        };
        let touch = |path: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        };
        touch("sd-vae-ft-mse/diffusion_pytorch_model.bin");
        touch("image_encoder/pytorch_model.bin");
        touch("unet/diffusion_pytorch_model.safetensors");
        touch("denoising_unet.pth");
        touch("motion_module.ckpt");
        assert!(is_published(folder.path()));
        assert_eq!(found(Component::Autoencoder).unwrap(), "sd-vae-ft-mse/diffusion_pytorch_model.bin");
        assert_eq!(found(Component::ImageEncoder).unwrap(), "image_encoder/pytorch_model.bin");
        assert_eq!(found(Component::ReferenceUnet).unwrap(), "unet/diffusion_pytorch_model.safetensors");
        assert_eq!(found(Component::DenoisingUnet).unwrap(), "denoising_unet.pth");
        assert_eq!(found(Component::MotionModules).unwrap(), "motion_module.ckpt");
        assert_eq!(found(Component::PoseGuider), None);
        touch("denoising_unet.safetensors");
        assert_eq!(found(Component::DenoisingUnet).unwrap(), "denoising_unet.safetensors");
    }
}
