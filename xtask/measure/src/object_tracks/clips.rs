//! Reads clips with a prop that `stage render` wrote (with their shards unpacked), chooses random clicks in them, and
//! simulates perceived signals.

use std::error::Error;
use std::path::Path;

use media::image_file::{load_mask, load_picture};
use media::picture::{Mask, Picture, Plane};
use perception::pose::{Keypoint, Pose};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

/// Fewest visible pixels of a prop that can be clicked at.
pub(crate) const LEAST: usize = 40;
/// Share of the frames in which it must be visible.
const SHOWN: f32 = 0.5;
/// Imitated perception: how far the mask of person and prop together grows, and the spread of a joint's error, in shares of
/// the person's height.
const GROWTH: f32 = 0.015;
const SPREAD: f32 = 0.012;

/// A clip whose prop is known.
pub(crate) struct Clip {
    pub(crate) name: String,
    /// What is done with the prop.
    pub(crate) usage: String,
    pub(crate) frames: Vec<Picture>,
    pub(crate) persons: Vec<Mask>,
    pub(crate) objects: Vec<Mask>,
    pub(crate) poses: Vec<Pose>,
}

/// A click in a frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Click {
    pub(crate) frame: usize,
    pub(crate) place: (usize, usize),
}

/// Clips in a folder: the part of their names before `.clip.json`, sorted.
pub(crate) fn keys(folder: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let names = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let names: Vec<String> = names.collect::<Result<_, std::io::Error>>()?;
    let mut keys: Vec<String> =
        names.iter().filter_map(|name| name.strip_suffix(".clip.json")).map(str::to_owned).collect();
    keys.sort();
    Ok(keys)
}

/// Reads a clip; none when its prop is hardly seen.
pub(crate) fn read(folder: &Path, key: &str) -> Result<Option<Clip>, Box<dyn Error>> {
    let record: Value = serde_json::from_str(&std::fs::read_to_string(folder.join(format!("{key}.clip.json")))?)?;
    let prop = &record["spec"]["prop"];
    if prop.is_null() {
        return Ok(None);
    }
    let size = |name: &str| record["spec"][name].as_u64().ok_or("a description without a size");
    let size = (size("width")? as usize, size("height")? as usize);
    let poses: Vec<Pose> = serde_json::from_value(record["take"]["poses"].clone())?;
    let objects = frames(&load_mask(&folder.join(format!("{key}.object.png")), None)?, size);
    let shown = objects.iter().filter(|mask| area(mask) >= LEAST).count();
    if (shown as f32) < SHOWN * objects.len() as f32 {
        return Ok(None);
    }
    let usage = &prop["usage"];
    let usage = usage.as_str().or_else(|| usage.as_object()?.keys().next().map(String::as_str)).unwrap_or("other");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(Some(Clip {
        name: format!("{} {}", text(&prop["prop"]), text(&record["spec"]["action"]["motion"])),
        usage: usage.to_owned(),
        frames: frames(&load_picture(&folder.join(format!("{key}.rgb.png")))?, size),
        persons: frames(&load_mask(&folder.join(format!("{key}.person.png")), None)?, size),
        objects,
        poses,
    }))
}

/// The frames of a strip, which lie below one another.
fn frames<T: Copy>(strip: &Plane<T>, (width, height): (usize, usize)) -> Vec<Plane<T>> {
    strip.cells().chunks_exact(width * height).map(|cells| Plane::from_cells(width, height, cells.to_vec())).collect()
}

impl Clip {
    /// A click in a frame drawn from those that show the prop, at a place drawn from those that lie at least half as deep in it
    /// as the deepest.
    pub(crate) fn click(&self, random: &mut ChaCha8Rng) -> Click {
        let shown: Vec<usize> = (0..self.frames.len()).filter(|&index| area(&self.objects[index]) >= LEAST).collect();
        let frame = shown[random.random_range(0..shown.len())];
        Click { frame, place: place_in(&self.objects[frame], random) }
    }

    /// Person masks and poses as perception gives them: the mask covers the prop too and is too large, joints are a little off, and
    /// no finger is known.
    pub(crate) fn imitated(&self, random: &mut ChaCha8Rng) -> (Vec<Mask>, Vec<Pose>) {
        let seen = self.persons.iter().zip(&self.objects).zip(&self.poses).map(|((person, object), pose)| {
            let height = height(person);
            let mut off = || SPREAD * height * (0..4).map(|_| random.random::<f32>() - 0.5).sum::<f32>() * 1.73;
            let mut pose = pose.map(|point| Keypoint { x: point.x + off(), y: point.y + off(), ..point });
            pose.right_hand.clear();
            pose.left_hand.clear();
            (grown_union(person, object, GROWTH * height), pose)
        });
        seen.unzip()
    }
}

/// A generator for a clip.
pub(crate) fn random(key: &str) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(key.bytes().fold(7, |hash, byte| hash * 31 % 1_000_003 + u64::from(byte)))
}

/// Pixels that a mask covers.
pub(crate) fn area(mask: &Mask) -> usize {
    mask.cells().iter().filter(|&&coverage| coverage > 127).count()
}

/// A place in a mask, drawn from those at least half as deep in it as the deepest.
pub(crate) fn place_in(mask: &Mask, random: &mut ChaCha8Rng) -> (usize, usize) {
    let depths = depths(mask);
    let deepest = depths.iter().max().copied().unwrap_or_default();
    let deep: Vec<usize> = (0..depths.len()).filter(|&index| 2 * depths[index] >= deepest.max(1)).collect();
    let index = deep[random.random_range(0..deep.len())];
    (index % mask.width(), index / mask.width())
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
