//! Cuts the character out of a still picture: computes its pose, and the coverage of each pixel.
//!
//! The body network's mask finds the right person but cuts off long ears, wide skirts and flying hair. Saliency
//! includes these parts, but also everything else that stands out in the picture. `merge` combines this mask with the
//! saliency, and `matting` finds the edge in the picture itself.

mod choice;
mod components;
mod matting;
mod merge;

use std::path::Path;

use media::crop::{crop, paste};
use media::geometry::{Frame, Pts, Rect};
use media::picture::{Mask, Picture, Plane};
use media::resize::{Filter, resize_mask, resize_picture, resize_real};

use crate::error::Error;
use crate::mask::bounding_box;
use crate::networks::blazepose::body::BodyEstimate;
use crate::objects::prompt::Moment;
use crate::perceiver::{Perceiver, PerceiverConfig, PersonModels};
use crate::person::foreground::widened;
use crate::person::people::{PeopleFinder, coverage_at, covers};
use crate::person::saliency::SaliencyNetwork;
use crate::person::tracker::PersonChoice;
use crate::pose::{Keypoint, Pose};
use choice::choose;
use merge::{Sources, merged, without_person};

/// Margin around a body's square in which its pose is searched, in sides of the square.
const ROOM: f32 = 1.5;
/// Margin around the character in which its edge is searched, as a share of the longer side of its box.
const MARGIN: f32 = 0.12;
/// A body whose square is smaller than this share of the picture's longer side must be salient.
const SMALL: f32 = 0.75;
/// Agreement (intersection over union) of body mask and saliency from which a small person counts as salient.
const STANDS_OUT: f32 = 0.45;
/// Parts of a mask that are smaller than this share of the largest part are dropped.
const LEAST_PART: f32 = 0.01;
/// Longest side of the region in which the edge is found, in pixels.
const WORKING_SIDE: usize = 1024;

/// The networks that cut out a character.
pub struct CutOutNetworks {
    people: PeopleFinder,
    models: PersonModels,
    saliency: Option<SaliencyNetwork>,
}

/// The result for a picture.
#[derive(Debug, Clone)]
pub struct Sight {
    /// The pose of the chosen person; none when nobody was recognised.
    pub pose: Option<Pose>,
    /// The character's coverage of each pixel; none when no region is salient.
    pub mask: Option<Mask>,
    /// Number of people.
    pub people: usize,
    /// True when the user gave a point, but no person is at this point.
    pub missed_point: bool,
}

impl CutOutNetworks {
    /// Loads the networks. Without saliency there are only masks of people, and they are rougher.
    ///
    /// # Errors
    /// [`Error::ModelUnreadable`], [`Error::ModelMalformed`], [`Error::ModelUnsupported`], [`Error::ModelMismatched`],
    /// [`Error::ModelFailed`].
    pub fn open(models: &PersonModels, saliency: Option<&Path>) -> Result<Self, Error> {
        let people = PeopleFinder::open(models)?;
        let saliency = saliency.map(SaliencyNetwork::open).transpose()?;
        Ok(Self { people, models: models.clone(), saliency })
    }

    /// Finds the person at the user's point, otherwise the largest person, otherwise the salient region.
    ///
    /// # Errors
    /// [`Error::FrameEmpty`], [`Error::ModelFailed`].
    pub fn look(&self, picture: &Picture, at: Option<(f32, f32)>) -> Result<Sight, Error> {
        let mut people = self.people.find(picture)?;
        if let Some(at) = at
            && !people.iter().any(|seen| covers(seen, at))
        {
            people.extend(self.people.at(picture, at)?);
        }
        let count = people.len();
        let choice = choose(people, at);
        let missed_point = at.is_some() && !choice.is_at_point;
        let whole = Rect::of_size(picture.width() as u32, picture.height() as u32);
        let salient = self.salient(picture, whole)?;
        if let Some(chosen) = &choice.chosen {
            let (pose, person) = self.look_closely(picture, chosen)?;
            let person = person.map(|value| f32::from(value) / 255.0);
            let is_part_of_more =
                salient.as_ref().is_some_and(|salient| merge::is_mere_part(&person, salient, merge::SALIENT));
            let is_doubtful = chosen.region.side < SMALL * picture.width().max(picture.height()) as f32;
            let is_person = pose.is_some()
                && if is_doubtful { self.stands_out(picture, chosen, &person)? } else { !is_part_of_more };
            if is_person {
                let others = presence(picture.size(), &choice.others);
                let mask = self.person_mask(picture, chosen, person, salient, &others)?;
                return Ok(Sight { pose, mask: Some(mask), people: count, missed_point });
            }
        }
        let mask = match salient {
            Some(salient) => self.salient_mask(picture, salient, at)?,
            None => None,
        };
        Ok(Sight { pose: None, mask, people: 0, missed_point })
    }

    /// Pose with hands and face, and the person's mask, from the region around a body.
    fn look_closely(&self, picture: &Picture, body: &BodyEstimate) -> Result<(Option<Pose>, Mask), Error> {
        let area = around(body, ROOM, picture.size());
        let part = crop(picture, area);
        let (x, y) = (area.x as f32, area.y as f32);
        let person = PersonChoice { x: body.region.centre.0 - x, y: body.region.centre.1 - y, at: Moment::default() };
        let config =
            PerceiverConfig { person: Some(person), smoothing: None, steady_mask: false, ..PerceiverConfig::default() };
        let seen = Perceiver::open(&self.models, config)?.push(&part, Pts(0))?;
        let mut mask = Mask::filled(picture.width(), picture.height(), 0);
        paste(&mut mask, &seen.person, area.x, area.y);
        let moved = |point: Keypoint| Keypoint { x: point.x + x, y: point.y + y, ..point };
        Ok((seen.pose.map(|pose| pose.map(moved)), mask))
    }

    /// True when a small person stands out from its surroundings. Otherwise it was a false detection in a pattern.
    fn stands_out(&self, picture: &Picture, body: &BodyEstimate, person: &Plane<f32>) -> Result<bool, Error> {
        let near = self.salient(picture, around(body, ROOM, picture.size()))?;
        let wide = self.salient(picture, around(body, 2.0 * ROOM, picture.size()))?;
        let (Some(near), Some(wide)) = (near, wide) else { return Ok(true) };
        let is_mere_part = merge::is_mere_part(person, &wide, merge::A_LITTLE);
        Ok(!is_mere_part && merge::agreement(person, &near) > STANDS_OUT)
    }

    /// The saliency in a region of the picture, at the picture's size; 0 elsewhere.
    fn salient(&self, picture: &Picture, area: Rect<Frame>) -> Result<Option<Plane<f32>>, Error> {
        let Some(network) = &self.saliency else { return Ok(None) };
        let map = network.estimate(picture, area)?;
        let map = resize_real(&map, area.width as usize, area.height as usize, Filter::Bilinear);
        let mut plane = Plane::filled(picture.width(), picture.height(), 0.0);
        paste(&mut plane, &map, area.x, area.y);
        Ok(Some(plane))
    }

    fn person_mask(
        &self,
        picture: &Picture,
        body: &BodyEstimate,
        person: Plane<f32>,
        salient: Option<Plane<f32>>,
        others: &Plane<f32>,
    ) -> Result<Mask, Error> {
        // The first pass finds how far ears and skirts extend. The second pass sees them larger.
        let Some(wide) = salient else {
            let nothing = person.map(|_| 0.0);
            return Ok(finished(picture, &merged(&Sources { person: &person, salient: &nothing, others })));
        };
        let first = merged(&Sources { person: &person, salient: &wide, others }).coverage;
        let seen = bounding_box::<Frame>(&first.map(|value| if value > 0.5 { 255 } else { 0 }));
        let area = around(body, 1.0, picture.size());
        let area = seen.map_or(area, |seen| room_around(seen, MARGIN, picture.size()));
        let close = self.salient(picture, area)?;
        let salient = close.map_or(wide.clone(), |close| merge::joined_looks(&wide, &close, area));
        Ok(finished(picture, &merged(&Sources { person: &person, salient: &salient, others })))
    }

    fn salient_mask(&self, picture: &Picture, wide: Plane<f32>, at: Option<(f32, f32)>) -> Result<Option<Mask>, Error> {
        let Some(first) = without_person(&wide, at) else { return Ok(None) };
        let seen = bounding_box::<Frame>(&first.coverage.map(|value| if value > 0.3 { 255 } else { 0 }));
        let Some(seen) = seen else { return Ok(None) };
        let area = room_around(seen, MARGIN, picture.size());
        let close = self.salient(picture, area)?;
        let salient = close.map_or(wide.clone(), |close| merge::joined_looks(&wide, &close, area));
        Ok(without_person(&salient, at).map(|merged| finished(picture, &merged)))
    }
}

/// The probability that a pixel belongs to another person.
fn presence((width, height): (usize, usize), others: &[BodyEstimate]) -> Plane<f32> {
    let mut plane = Plane::filled(width, height, 0.0);
    for body in others {
        let area = around(body, 1.0, (width, height));
        for y in area.y..area.bottom() {
            for x in area.x..area.right() {
                let value = coverage_at(body, (x as f32 + 0.5, y as f32 + 0.5));
                let (x, y) = (x as usize, y as usize);
                plane.set(x, y, value.max(plane.get(x, y)));
            }
        }
    }
    plane
}

/// Refines the mask with the picture's own edges, at a bounded size.
fn finished(picture: &Picture, merged: &merge::Merged) -> Mask {
    let mut mask = Mask::filled(picture.width(), picture.height(), 0);
    let seen = merged.coverage.map(|value| if value > 0.1 { 255 } else { 0 });
    let Some(found) = bounding_box::<Frame>(&seen) else { return mask };
    let area = room_around(found, MARGIN, picture.size());
    let (width, height) = (area.width as usize, area.height as usize);
    let scale = (WORKING_SIDE as f32 / width.max(height) as f32).min(1.0);
    let side = |length: usize| ((length as f32 * scale).round() as usize).max(1);
    let size = (side(width), side(height));
    let small = |plane: &Plane<f32>| resize_real(&crop(plane, area), size.0, size.1, Filter::Area);
    let colours = resize_picture(&crop(picture, area), size.0, size.1, Filter::Area);
    let alpha = matting::matted(&colours, &small(&merged.coverage), &small(&merged.doubt));
    let alpha = without_crumbs(&alpha).map(|value| (255.0 * value).round() as u8);
    paste(&mut mask, &resize_mask(&alpha, width, height, Filter::Bilinear), area.x, area.y);
    mask
}

/// Removes separate parts that are tiny compared with the largest one.
fn without_crumbs(alpha: &Plane<f32>) -> Plane<f32> {
    let found = components::components(alpha, |value| value > 0.02);
    let least = LEAST_PART * found.sizes.iter().copied().max().unwrap_or(0) as f32;
    let cells = alpha.cells().iter().zip(&found.part);
    let kept = cells.map(|(value, part)| match part {
        Some(part) if found.sizes[*part] as f32 >= least => *value,
        _ => 0.0,
    });
    Plane::from_cells(alpha.width(), alpha.height(), kept.collect())
}

/// A rectangle with a margin, given as a share of its longer side, inside the picture.
fn room_around(area: Rect<Frame>, room: f32, size: (usize, usize)) -> Rect<Frame> {
    widened(area, (room * area.width.max(area.height) as f32).ceil() as usize + 4, size)
}

/// The upright rectangle around a body.
fn around(body: &BodyEstimate, room: f32, (width, height): (usize, usize)) -> Rect<Frame> {
    let half = room / 2.0 * body.region.side;
    let (x, y) = body.region.centre;
    let (left, top) = ((x - half).floor() as i32, (y - half).floor() as i32);
    let side = (2.0 * half).ceil().max(1.0) as u32;
    let whole = Rect::of_size(width as u32, height as u32);
    let area = Rect::new(left, top, side, side).intersection(&whole);
    if area.is_empty() { whole } else { area }
}
