//! Pictures to the networks' tensors, as generating and measuring need them.
//!
//! | tensor | from | shape |
//! |---|---|---|
//! | environment, objects | pictures, encoded | `[1, C, N, h, w]` |
//! | skeleton, depth | maps | `[1, 3, N, H, W]`, `[1, 1, N, H, W]` in [0, 1] |

use burn::tensor::Tensor;
use media::picture::{Picture, Plane};
use model::networks::{ClipConditions, Networks, ReferenceState};
use model::pixels::{self, Size};
use perception::conditions::Conditions;

use crate::networks::Cpu;

/// The conditions of the `N` frames of a clip; objects only if every frame has them.
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
        environment: encode(conditions.iter().map(|conditions| conditions.environment.bytes()).collect()),
        skeleton: video(pixels::maps_from_rgb(&skeletons, size, &device)),
        depth: video(pixels::maps_from_values(&depths, size, &device)),
        objects: (objects.len() == conditions.len()).then(|| encode(objects)),
    }
}

/// A reference picture, encoded and seen by the reference network.
pub fn reference_state(networks: &Networks<Cpu>, picture: &Picture) -> ReferenceState<Cpu> {
    networks.reference_state(encoded(networks, picture), None)
}

/// One picture's latent, `[1, C, h, w]`.
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
