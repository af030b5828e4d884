//! Makes the clean plate: the scene without the driving person. The plate is copied from frames that show the scene,
//! and inpainted where no frame shows it.
//!
//! 1. `chain` aligns each frame with its shot (corners, Lucas-Kanade, a robust homography). For a still camera, the
//!    result is exactly the identity.
//! 2. `keyframes` keeps a bounded number of frames in memory.
//! 3. `sources`, `local` and `brightness` choose the frames that show the background in the hole. For each of these
//!    frames, a field of small shifts and an exposure are measured around the hole.
//! 4. `fill_hole` takes a weighted median over time, and `seam` spreads the brightness step at the border into the hole.
//! 5. `memory`, `inpaint` and `patches` inpaint the regions that no frame shows. Each region is inpainted once, and its
//!    pixels then follow the camera.

mod alignment;
mod brightness;
mod distance;
mod fill_hole;
mod inpaint;
mod keyframes;
mod local;
mod maker;
mod memory;
mod observation;
mod patches;
mod sample;
mod seam;
mod sources;
mod view;

#[cfg(test)]
mod tests;

pub use inpaint::fill;
pub use maker::PlateMaker;

use media::picture::{Mask, Picture};
use serde::{Deserialize, Serialize};

/// Settings of the clean plate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlateConfig {
    /// Largest number of frames held to fill holes.
    pub keyframes: usize,
    /// Largest number of frames by which `look` can run ahead of `plate`.
    pub look_ahead: usize,
    /// Larger frames are scaled to this longest side, in pixels, and their holes are filled at that size.
    pub held_side: usize,
}

impl Default for PlateConfig {
    fn default() -> Self {
        Self { keyframes: 28, look_ahead: 200, held_side: 960 }
    }
}

/// One frame without the person.
#[derive(Debug, Clone, PartialEq)]
pub struct PlateFrame {
    /// The frame. Outside the hole it equals the given frame byte for byte.
    pub picture: Picture,
    /// 255 where some frame of the shot really showed the pixel, 0 where it was inpainted.
    pub seen: Mask,
}

/// The plates of one shot. The covered pixels of `holes` are filled.
///
/// # Panics
/// When the numbers of holes and frames differ, or when a frame and its hole differ in size.
pub fn plates(frames: &[Picture], holes: &[Mask], config: &PlateConfig) -> Vec<PlateFrame> {
    plates_of_shots(frames, holes, &[], config)
}

/// The plates of several shots. `shot_starts` lists the first frame of each (frame 0 always is one).
///
/// # Panics
/// In the same cases as [`plates`].
pub fn plates_of_shots(
    frames: &[Picture],
    holes: &[Mask],
    shot_starts: &[usize],
    config: &PlateConfig,
) -> Vec<PlateFrame> {
    assert_eq!(frames.len(), holes.len(), "plates: {} frames, {} holes", frames.len(), holes.len());
    let mut maker = PlateMaker::new(config.clone());
    let mut ahead = frames.iter().zip(holes).enumerate();
    let mut plates = Vec::with_capacity(frames.len());
    for (picture, hole) in frames.iter().zip(holes) {
        while maker.wants_look() {
            match ahead.next() {
                Some((index, (picture, hole))) => maker.look(picture, hole, index == 0 || shot_starts.contains(&index)),
                None => maker.end(),
            }
        }
        plates.push(maker.plate(picture, hole));
    }
    plates
}
