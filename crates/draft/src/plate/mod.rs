//! The clean plate: what the driving person hides, taken from frames that show it, inpainted elsewhere.
//!
//! 1. `chain`: each frame is aligned with its shot (corners, Lucas-Kanade, a robust homography); a camera that stands
//!    still gives exactly the identity.
//! 2. `keyframes`: a bounded number of frames is held.
//! 3. `sources`, `local`, `brightness`: for each hole the frames that show it, each with a field of small shifts and
//!    an exposure measured around the hole.
//! 4. `compose`: a weighted median in time; `seam`: the step at the border is spread into the hole.
//! 5. `memory`, `inpaint`, `patches`: what no frame shows is invented once and follows the camera.

mod alignment;
mod brightness;
mod compose;
mod distance;
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
    /// The most frames held to fill holes from.
    pub keyframes: usize,
    /// Frames by which looking may lead plates.
    pub look_ahead: usize,
    /// Frames with a longer side are held at this one, in pixels; their holes are filled at that size.
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
    /// The frame; outside the hole byte for byte the given one.
    pub picture: Picture,
    /// 255 where some frame of the shot really showed the pixel, 0 where it is invented.
    pub seen: Mask,
}

/// The plates of one shot; covered pixels of `holes` are the ones to fill.
///
/// # Panics
/// When there are not as many holes as frames, or when a frame and its hole differ in size.
pub fn plates(frames: &[Picture], holes: &[Mask], config: &PlateConfig) -> Vec<PlateFrame> {
    plates_of_shots(frames, holes, &[], config)
}

/// The plates of several shots; `shot_starts` lists the frames that begin one (the first always does).
///
/// # Panics
/// As [`plates`].
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
