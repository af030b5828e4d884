//! Cuts the character out of its picture: keeps the region with the person, at a working size. Colours at the edge are
//! extended outwards, so that no background shows.

use media::geometry::{Frame, Rect};
use media::picture::{Mask, Picture};
use media::resize::{Filter, resize_mask, resize_picture};
use perception::mask::bounding_box;
use perception::pose::{Keypoint, Pose};

/// Longest side of a cut-out, in pixels.
const LONGEST: usize = 1024;
/// Margin around the person, in pixels.
const ROOM: i32 = 4;
/// From this coverage on, a pixel's colour is the person's own.
const PURE: u8 = 250;

/// A character as one picture shows it.
#[derive(Debug, Clone)]
pub struct Cutout {
    /// The part of the picture around the person.
    pub picture: Picture,
    /// Coverage by the person.
    pub mask: Mask,
    /// The pose in pixels of `picture`; none when it is unknown.
    pub pose: Option<Pose>,
}

impl Cutout {
    /// Cuts the person out. None when the mask is empty.
    ///
    /// # Panics
    /// When picture and mask differ in size.
    pub fn new(picture: &Picture, mask: &Mask, pose: Option<&Pose>) -> Option<Self> {
        assert_eq!(picture.size(), mask.size(), "cut-out: picture {:?}, mask {:?}", picture.size(), mask.size());
        let solid = mask.map(|coverage| if coverage >= 32 { coverage } else { 0 });
        let found: Rect<Frame> = bounding_box(&solid)?;
        let (left, top) = ((found.x - ROOM).max(0), (found.y - ROOM).max(0));
        let right = (found.right() + ROOM).min(picture.width() as i32);
        let bottom = (found.bottom() + ROOM).min(picture.height() as i32);
        let (width, height) = ((right - left) as usize, (bottom - top) as usize);
        let at = |x: usize, y: usize| (x + left as usize, y + top as usize);
        let cut_picture = Picture::from_fn(width, height, |x, y| picture.get(at(x, y).0, at(x, y).1));
        let cut_mask = Mask::from_fn(width, height, |x, y| mask.get(at(x, y).0, at(x, y).1));
        let cut_picture = continued(&cut_picture, &cut_mask);
        let scale = (LONGEST as f32 / width.max(height) as f32).min(1.0);
        let size = |side: usize| ((side as f32 * scale).round() as usize).max(1);
        let (new_width, new_height) = (size(width), size(height));
        let (across, down) = (new_width as f32 / width as f32, new_height as f32 / height as f32);
        let pose = pose.map(|pose| {
            pose.map(|point| Keypoint {
                x: (point.x - left as f32) * across,
                y: (point.y - top as f32) * down,
                z: point.z * across,
                confidence: point.confidence,
            })
        });
        if scale == 1.0 {
            return Some(Self { picture: cut_picture, mask: cut_mask, pose });
        }
        Some(Self {
            picture: resize_picture(&cut_picture, new_width, new_height, Filter::Area),
            mask: resize_mask(&cut_mask, new_width, new_height, Filter::Area),
            pose,
        })
    }

    /// Columns and rows.
    pub fn size(&self) -> (usize, usize) {
        self.picture.size()
    }
}

/// The picture, with the person's own colours extended over all pixels that show anything else.
fn continued(picture: &Picture, mask: &Mask) -> Picture {
    let known: Vec<bool> = mask.cells().iter().map(|&coverage| coverage >= PURE).collect();
    if !known.contains(&true) {
        return picture.clone();
    }
    grow(picture, known, usize::MAX)
}

/// Extends the known pixels outwards ring by ring, by at most `rings` pixels. Each new pixel is the mean of its known
/// neighbours.
pub(crate) fn grow(picture: &Picture, mut known: Vec<bool>, rings: usize) -> Picture {
    let (width, height) = picture.size();
    let mut grown = picture.clone();
    let neighbours = |index: usize| {
        let (x, y) = ((index % width) as i32, (index / width) as i32);
        (-1..=1).flat_map(move |dy| (-1..=1).map(move |dx| (x + dx, y + dy))).filter_map(move |(x, y)| {
            let inside = x >= 0 && y >= 0 && x < width as i32 && y < height as i32;
            inside.then(|| y as usize * width + x as usize)
        })
    };
    let mut ring: Vec<usize> =
        (0..known.len()).filter(|&index| !known[index] && neighbours(index).any(|near| known[near])).collect();
    let mut queued: Vec<bool> = known.clone();
    ring.iter().for_each(|&index| queued[index] = true);
    for _ in 0..rings {
        if ring.is_empty() {
            break;
        }
        let colours: Vec<[u8; 3]> = ring
            .iter()
            .map(|&index| {
                let (mut sum, mut count) = ([0u32; 3], 0u32);
                for near in neighbours(index).filter(|&near| known[near]) {
                    let colour = grown.cells()[near];
                    sum.iter_mut().zip(colour).for_each(|(sum, value)| *sum += u32::from(value));
                    count += 1;
                }
                sum.map(|sum| ((sum + count / 2) / count.max(1)) as u8)
            })
            .collect();
        for (&index, colour) in ring.iter().zip(colours) {
            grown.cells_mut()[index] = colour;
            known[index] = true;
        }
        let mut next = Vec::new();
        for &index in &ring {
            for near in neighbours(index) {
                if !queued[near] {
                    queued[near] = true;
                    next.push(near);
                }
            }
        }
        ring = next;
    }
    grown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edge_takes_the_persons_colours_and_the_pose_moves_along() {
        let mask = Mask::from_fn(40, 30, |x, y| match (x, y) {
            (10..20, 8..25) => 255,
            (20, 8..25) => 128,
            _ => 0,
        });
        let picture = Picture::from_fn(40, 30, |x, y| if mask.get(x, y) == 255 { [200, 40, 40] } else { [0, 0, 255] });
        let mut pose = Pose::default();
        pose.body[0] = Keypoint { x: 12.0, y: 10.0, z: 0.0, confidence: 1.0 };
        let cutout = Cutout::new(&picture, &mask, Some(&pose)).unwrap();
        assert_eq!(cutout.size(), (19, 25));
        assert!(cutout.picture.cells().iter().all(|pixel| *pixel == [200, 40, 40]));
        assert_eq!(cutout.pose.unwrap().body[0].x, 6.0);
        assert!(Cutout::new(&picture, &Mask::filled(40, 30, 0), None).is_none());
    }
}
