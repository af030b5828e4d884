//! Rendered clips with a prop, their clicks, and an imitation of perceived signals.

use std::error::Error;

use media::picture::{Mask, Picture};
use perception::pose::Pose;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use stage::{Assets, Clip, ClipSettings, ClipSpec, Split, Wanted, render_parts, usage_name};

/// Fewest visible pixels of a prop that can be clicked at.
const LEAST: usize = 40;
/// Share of the frames in which it must be visible.
const SHOWN: f32 = 0.5;
/// Imitated perception: how far the mask of person and prop together grows, and the spread of a joint's error, in shares of
/// the person's height.
const GROWTH: f32 = 0.015;
const SPREAD: f32 = 0.012;

/// A rendered clip with a prop.
pub(crate) struct Staged {
    pub(crate) name: String,
    pub(crate) usage: &'static str,
    pub(crate) frames: Vec<Picture>,
    pub(crate) persons: Vec<Mask>,
    pub(crate) objects: Vec<Mask>,
    pub(crate) poses: Vec<Pose>,
}

/// A click at a frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Click {
    pub(crate) frame: usize,
    pub(crate) place: (usize, usize),
}

/// Renders the clip of a seed; none when its prop is hardly seen.
pub(crate) fn staged(
    seed: u64,
    split: Split,
    frames: usize,
    assets: &Assets,
) -> Result<Option<Staged>, Box<dyn Error>> {
    let settings = ClipSettings {
        frames,
        split: Some(split),
        twin: false,
        references: 0,
        prop_share: 1.0,
        blur_share: 0.0,
        ..ClipSettings::default()
    };
    let spec = ClipSpec::draw(seed, assets, &settings)?;
    let Some(used) = &spec.prop else { return Ok(None) };
    let (usage, prop) = (usage_name(&used.usage), used.prop.clone());
    let Clip { take, .. } = render_parts(&spec, assets, Wanted::CLIP)?;
    let shown = take.object.iter().filter(|mask| area(mask) >= LEAST).count();
    if (shown as f32) < SHOWN * frames as f32 {
        return Ok(None);
    }
    let name = format!("{prop} {}", spec.action.motion);
    Ok(Some(Staged { name, usage, frames: take.frames, persons: take.person, objects: take.object, poses: take.poses }))
}

impl Staged {
    /// A click in a frame drawn from those that show the prop, at a place drawn from those that lie at least half as deep in it
    /// as the deepest.
    pub(crate) fn click(&self, random: &mut ChaCha8Rng) -> Click {
        let shown: Vec<usize> = (0..self.frames.len()).filter(|&index| area(&self.objects[index]) >= LEAST).collect();
        let frame = shown[random.random_range(0..shown.len())];
        let depths = depths(&self.objects[frame]);
        let deepest = depths.iter().max().copied().unwrap_or_default();
        let deep: Vec<usize> = (0..depths.len()).filter(|&index| 2 * depths[index] >= deepest.max(1)).collect();
        let index = deep[random.random_range(0..deep.len())];
        let width = self.frames[frame].width();
        Click { frame, place: (index % width, index / width) }
    }

    /// Person masks and poses as perception gives them: the mask covers the prop too and is too large, joints are a little off, and
    /// no finger is known.
    pub(crate) fn imitated(&self, random: &mut ChaCha8Rng) -> (Vec<Mask>, Vec<Pose>) {
        let seen = self.persons.iter().zip(&self.objects).zip(&self.poses).map(|((person, object), pose)| {
            let height = height(person);
            let mut off = || SPREAD * height * (0..4).map(|_| random.random::<f32>() - 0.5).sum::<f32>() * 1.73;
            let mut pose = pose.map(|point| {
                let (x, y) = (point.x + off(), point.y + off());
                perception::pose::Keypoint { x, y, ..point }
            });
            pose.right_hand.clear();
            pose.left_hand.clear();
            (grown_union(person, object, GROWTH * height), pose)
        });
        seen.unzip()
    }
}

/// A generator for the clicks of a seed.
pub(crate) fn random(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Pixels that a mask covers.
pub(crate) fn area(mask: &Mask) -> usize {
    mask.cells().iter().filter(|&&coverage| coverage > 127).count()
}

/// How deep each pixel lies in a mask, in steps to the four neighbours; 0 outside.
fn depths(mask: &Mask) -> Vec<usize> {
    let (width, height) = mask.size();
    let mut depths = vec![0; width * height];
    let mut layer: Vec<bool> = mask.cells().iter().map(|&coverage| coverage > 127).collect();
    while layer.contains(&true) {
        (0..depths.len()).for_each(|index| depths[index] += usize::from(layer[index]));
        let inside = |x: i64, y: i64| {
            x >= 0 && y >= 0 && x < width as i64 && y < height as i64 && layer[y as usize * width + x as usize]
        };
        layer = (0..width * height)
            .map(|index| {
                let (x, y) = ((index % width) as i64, (index / width) as i64);
                [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)].iter().all(|(dx, dy)| inside(x + dx, y + dy))
            })
            .collect();
    }
    depths
}

fn height(mask: &Mask) -> f32 {
    let rows = (0..mask.height()).filter(|&y| mask.row(y).iter().any(|&coverage| coverage > 127));
    rows.clone().next_back().zip(rows.min()).map_or(1.0, |(last, first)| (last - first + 1) as f32)
}

/// Both masks together, grown by a disc.
fn grown_union(person: &Mask, object: &Mask, radius: f32) -> Mask {
    let reach = radius.ceil() as i32;
    let steps: Vec<(i32, i32)> = (-reach..=reach)
        .flat_map(|dy| (-reach..=reach).map(move |dx| (dx, dy)))
        .filter(|&(dx, dy)| (dx as f32).hypot(dy as f32) <= radius)
        .collect();
    let covers = |x: i32, y: i32| person.get_clamped(x, y).max(object.get_clamped(x, y)) > 127;
    Mask::from_fn(person.width(), person.height(), |x, y| {
        let near = steps.iter().any(|(dx, dy)| covers(x as i32 + dx, y as i32 + dy));
        if near { 255 } else { 0 }
    })
}
