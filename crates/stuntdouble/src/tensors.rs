//! Converts pictures to the networks' tensors, for generation and for measurements.
//!
//! | tensor | from | shape |
//! |---|---|---|
//! | environment, objects | pictures, encoded | `[1, C, N, h, w]` |
//! | skeleton, depth | maps | `[1, 3, N, H, W]`, `[1, 1, N, H, W]` in [0, 1] |

use burn::tensor::Tensor;
use media::picture::{Picture, Plane};
use media::resize::{Filter, resize_picture};
use model::conditioning::pixels::{self, Size};
use model::networks::{ClipConditions, Networks, ReferenceState};
use model::preset::ObjectUse;
use perception::conditions::Conditions;

use crate::networks::Cpu;

/// The conditions for the `N` frames of a clip. Objects are included only if every frame has them.
///
/// # Panics
/// When there is no frame, or the frames differ in size.
pub fn clip_conditions(networks: &Networks<Cpu>, conditions: &[Conditions]) -> ClipConditions<Cpu> {
    let device = Default::default();
    let size = size_of(&conditions[0].mask);
    let encode = |pictures: Vec<&[u8]>| {
        let pictures = pixels::pictures_from_rgb::<Cpu>(&pictures, size, &device);
        networks.encode_video(video(pictures))
    };
    let objects: Vec<&[u8]> =
        conditions.iter().filter_map(|conditions| conditions.object.as_ref().map(Picture::bytes)).collect();
    let skeletons: Vec<&[u8]> = conditions.iter().map(|conditions| conditions.skeleton.bytes()).collect();
    let depths: Vec<&[f32]> = conditions.iter().map(|conditions| conditions.depth.cells()).collect();
    ClipConditions {
        environment: networks
            .config()
            .environment
            .is_seen()
            .then(|| encode(conditions.iter().map(|conditions| conditions.environment.bytes()).collect())),
        skeleton: video(pixels::maps_from_rgb(&skeletons, size, &device)),
        depth: video(pixels::maps_from_values(&depths, size, &device)),
        objects: (networks.config().objects != ObjectUse::Absent && objects.len() == conditions.len())
            .then(|| encode(objects)),
    }
}

/// A reference picture, encoded and processed by the reference network, and by the image encoder if there is one.
pub fn reference_state(networks: &Networks<Cpu>, picture: &Picture) -> ReferenceState<Cpu> {
    let encoder = networks.config().image_encoder.as_ref();
    let embedding = encoder.and_then(|encoder| {
        // The public pipeline squeezes the picture to a square, whatever its shape.
        let side = encoder.image_size;
        let squashed = resize_picture(picture, side, side, Filter::Bicubic);
        let size = Size { width: side, height: side };
        networks.image_embedding(pixels::clip_pixels_from_rgb(&[squashed.bytes()], size, &Default::default()))
    });
    networks.reference_state(encoded(networks, picture), embedding)
}

/// The latent of one picture, `[1, C, h, w]`.
pub fn encoded(networks: &Networks<Cpu>, picture: &Picture) -> Tensor<Cpu, 4> {
    let pictures = pixels::pictures_from_rgb(&[picture.bytes()], size_of(picture), &Default::default());
    networks.autoencoder.encode(pictures)
}

fn size_of<T: Copy>(plane: &Plane<T>) -> Size {
    Size { height: plane.height(), width: plane.width() }
}

/// `[N, C, H, W]` to `[1, C, N, H, W]`.
fn video(frames: Tensor<Cpu, 4>) -> Tensor<Cpu, 5> {
    frames.swap_dims(0, 1).unsqueeze()
}

#[cfg(test)]
mod tests {
    use model::conditioning::clip_vision::ClipVisionConfig;
    use model::networks::SeenReference;
    use model::preset::Preset;

    use super::*;

    #[test]
    fn a_preset_with_an_image_encoder_shows_it_the_reference() {
        let mut config = Preset::Tiny.config();
        config.reference_tokens = None;
        config.image_encoder = Some(ClipVisionConfig {
            hidden_size: 8,
            intermediate_size: 12,
            num_hidden_layers: 1,
            num_attention_heads: 2,
            image_size: 28,
            projection_dim: 8,
            ..ClipVisionConfig::default()
        });
        let device = Default::default();
        let networks = Networks::<Cpu>::init(&config, 1, &device).unwrap();
        let state = |level: u8| reference_state(&networks, &Picture::from_fn(32, 32, |x, _| [level, x as u8 * 7, 9]));
        let (dark, bright) = (state(0), state(255));
        assert_eq!(dark.context.as_ref().unwrap().dims(), [1, 1, 8]);
        assert_ne!(dark.context.as_ref().unwrap().to_data(), bright.context.unwrap().to_data());
        let frames = config.clip_frames;
        let conditions = ClipConditions {
            environment: Some(Tensor::zeros([1, 4, frames, 4, 4], &device)),
            skeleton: Tensor::zeros([1, 3, frames, 32, 32], &device),
            depth: Tensor::zeros([1, 1, frames, 32, 32], &device),
            objects: None,
        };
        let features = networks.clip_features(&conditions);
        let noise = Tensor::ones(networks.latent_shape(&conditions), &device);
        let timestep = Tensor::from_floats([500.0], &device);
        let velocity = networks.predict(noise.clone(), timestep, &features, Some(SeenReference::from(&dark)));
        assert_eq!(velocity.dims(), noise.dims());
    }
}
