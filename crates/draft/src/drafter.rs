//! Composes the draft of a frame from back to front: clean plate, contact shadow, warped reference and objects in use.

use media::geometry::{Frame, Rect};
use media::picture::{Mask, Picture};
use perception::pose::Pose;

use crate::body::kept_legs::{end_above_legs, legs_of};
use crate::light::LightMatch;
use crate::occluder::occluder;
use crate::plate::PlateFrame;
use crate::puppet::Puppet;
use crate::shadow::Footprints;
use crate::warp::whole::place_whole;
use crate::warp::{Warp, warp};

/// How fast light and shadow follow the scene: the share of the difference that one frame takes over.
const FOLLOW: f32 = 0.1;
/// A character this many times larger than the driving person must have a wrong pose.
const TOO_LARGE: f32 = 2.2;

/// Optional effects of a draft.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DraftConfig {
    /// Match the character's brightness to the driving person's.
    pub light: bool,
    /// Draw a contact shadow where the source shows one.
    pub shadow: bool,
    /// The character's height relative to the driving person. The bone lengths of poses already include this factor. A
    /// character without a pose is scaled by it.
    pub height: f32,
}

impl Default for DraftConfig {
    fn default() -> Self {
        Self { light: true, shadow: true, height: 1.0 }
    }
}

/// One frame and its signals.
#[derive(Debug, Clone, Copy)]
pub struct DraftInput<'a> {
    /// The source frame.
    pub source: &'a Picture,
    /// The frame without the person.
    pub plate: &'a PlateFrame,
    /// The removed region: 255 where the plate may differ from the source.
    pub hole: &'a Mask,
    /// Coverage by the driving person.
    pub person: &'a Mask,
    /// The bounding box of the driving person.
    pub person_box: Option<Rect<Frame>>,
    /// The driving pose as perceived, which shows what stands in front of the person.
    pub driving_pose: Option<&'a Pose>,
    /// The character's pose, retargeted or not.
    pub pose: Option<&'a Pose>,
    /// Masks of objects in use. The source's pixels under these masks are drawn over the character.
    pub objects: &'a [Mask],
    /// The scale of each puppet, see [`crate::scale::smooth_scales`].
    pub scales: &'a [Option<f32>],
    /// True at the first frame of a shot.
    pub starts_shot: bool,
}

/// A composed frame.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The picture.
    pub picture: Picture,
    /// 255 where the picture may differ from the source.
    pub edited: Mask,
    /// The character alone, where it is visible.
    pub warp: Option<Warp>,
    /// The picture below the character.
    pub under: Picture,
    /// Coverage by everything in front of the character: objects in use, and occluders of the driving person.
    pub front: Mask,
}

/// Drafts the frames of a video in order.
#[derive(Debug)]
pub struct Drafter {
    puppets: Vec<Puppet>,
    /// Where the pictures end if they show no legs.
    end_above_legs: Option<f32>,
    config: DraftConfig,
    light: Option<LightMatch>,
    darkness: Option<f32>,
}

impl Drafter {
    /// A drafter for a character with one or more pictures.
    pub fn new(puppets: Vec<Puppet>, config: DraftConfig) -> Self {
        Self { end_above_legs: end_above_legs(&puppets), puppets, config, light: None, darkness: None }
    }

    /// True when no picture shows the character's legs. In this case, the driving person's legs stay visible.
    pub fn keeps_legs(&self) -> bool {
        self.end_above_legs.is_some()
    }

    /// The character's pictures.
    pub fn puppets(&self) -> &[Puppet] {
        &self.puppets
    }

    /// The draft of the next frame.
    ///
    /// # Panics
    /// When source, plate and masks differ in size, or the number of scales differs from the number of puppets.
    pub fn push(&mut self, input: &DraftInput<'_>) -> Draft {
        let layer = self.warp(input, input.source.size());
        self.compose(input, layer)
    }

    /// Composes the next frame with this layer in place of the warped picture.
    ///
    /// # Panics
    /// When source, plate and masks differ in size.
    pub fn compose(&mut self, input: &DraftInput<'_>, layer: Option<Warp>) -> Draft {
        let size = input.source.size();
        assert_eq!(input.plate.picture.size(), size, "plate {:?}, frame {size:?}", input.plate.picture.size());
        if input.starts_shot {
            (self.light, self.darkness) = (None, None);
        }
        let mut picture = input.plate.picture.clone();
        let mut warp = layer;
        if self.config.shadow {
            self.draw_shadow(input, &mut picture);
        }
        let end = self.end_above_legs.zip(input.driving_pose);
        if let Some(legs) = end.and_then(|(end, pose)| legs_of(pose, input.person, end)) {
            lay_object(&mut picture, input.source, &legs);
        }
        let under = picture.clone();
        if let Some(warp) = &mut warp {
            if self.config.light {
                self.match_light(warp, input);
            }
            warp.lay_over(&mut picture);
        }
        let occluder = input.driving_pose.and_then(|pose| occluder(pose, input.person, input.hole));
        let mut front = Mask::filled(size.0, size.1, 0);
        for object in input.objects.iter().chain(&occluder) {
            lay_object(&mut picture, input.source, object);
            let cells = front.cells_mut().iter_mut().zip(object.cells());
            cells.for_each(|(front, coverage)| *front = (*front).max(*coverage));
        }
        let edited = edited(input.hole, warp.as_ref());
        Draft { picture, edited, warp, under, front }
    }

    fn warp(&self, input: &DraftInput<'_>, size: (usize, usize)) -> Option<Warp> {
        let posed = input.pose.and_then(|pose| warp(&self.puppets, pose, size, input.scales));
        let fits = |warp: &Warp| {
            let person = input.person_box.unwrap_or(warp.area);
            let most = TOO_LARGE * self.config.height.max(1.0);
            let larger = |length: u32, than: u32| length as f32 > most * than as f32;
            !(larger(warp.area.height, person.height) && larger(warp.area.width, person.width))
        };
        let whole = || place_whole(self.puppets.first()?, input.person_box?, self.config.height, size);
        posed.filter(fits).or_else(whole)
    }

    fn draw_shadow(&mut self, input: &DraftInput<'_>, picture: &mut Picture) {
        let Some(prints) = input.pose.and_then(Footprints::of) else { return };
        if let Some(now) = prints.darkness(input.source, input.hole) {
            let before = self.darkness.unwrap_or(now);
            self.darkness = Some(before + FOLLOW * (now - before));
        }
        prints.draw(picture, input.hole, self.darkness.unwrap_or(0.0));
    }

    fn match_light(&mut self, warp: &mut Warp, input: &DraftInput<'_>) {
        let now = LightMatch::on(input.person, input.source);
        let light = self.light.map_or(now, |before| before.towards(now, FOLLOW));
        self.light = Some(light);
        light.apply(warp);
    }
}

/// Draws the source's own pixels of an object over a picture.
fn lay_object(picture: &mut Picture, source: &Picture, object: &Mask) {
    assert_eq!(object.size(), source.size(), "object {:?}, frame {:?}", object.size(), source.size());
    let cells = picture.cells_mut().iter_mut().zip(source.cells()).zip(object.cells());
    for ((pixel, source), &coverage) in cells.filter(|(_, coverage)| **coverage > 0) {
        let coverage = u32::from(coverage);
        *pixel = std::array::from_fn(|channel| {
            let sum = coverage * u32::from(source[channel]) + (255 - coverage) * u32::from(pixel[channel]);
            ((sum + 127) / 255) as u8
        });
    }
}

fn edited(hole: &Mask, warp: Option<&Warp>) -> Mask {
    let mut edited = hole.map(|removed| if removed > 0 { 255 } else { 0 });
    if let Some(warp) = warp {
        for y in 0..warp.alpha.height() {
            for x in 0..warp.alpha.width() {
                if warp.alpha.get(x, y) > 0 {
                    edited.set(warp.area.x as usize + x, warp.area.y as usize + y, 255);
                }
            }
        }
    }
    edited
}
