//! Prepares a frame for the segmenter: colours at a working size, edges, and the positions of the person's limbs.

use media::picture::{Mask, Picture, Plane};
use media::resize::{Filter, resize_picture, resize_real};

use crate::pose::{Joint, Keypoint, Pose};

/// Longest side of the picture in which objects are followed, in pixels.
pub(super) const WORKING_SIDE: usize = 512;
/// Colour differences count this much more than differences of brightness.
const CHROMA: f32 = 1.4;
/// Half width of a forearm and of a hand, in lengths of the forearm.
const FOREARM: f32 = 0.17;
const PALM: f32 = 0.2;
/// How far the hand reaches beyond the wrist, in lengths of the forearm, where no finger is known.
const HAND_REACH: f32 = 0.45;

/// A colour: brightness, red against green, yellow against blue; differences are Euclidean.
pub(super) type Colour = [f32; 3];

/// A line with a half width, in working pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limb {
    pub(super) from: (f32, f32),
    pub(super) to: (f32, f32),
    pub(super) half_width: f32,
}

impl Limb {
    /// Distance of a place from the line, in half widths.
    pub(super) fn distance(&self, (x, y): (f32, f32)) -> f32 {
        let (dx, dy) = (self.to.0 - self.from.0, self.to.1 - self.from.1);
        let square = dx * dx + dy * dy;
        let along = if square > 0.0 { ((x - self.from.0) * dx + (y - self.from.1) * dy) / square } else { 0.0 };
        let along = along.clamp(0.0, 1.0);
        (x - self.from.0 - along * dx).hypot(y - self.from.1 - along * dy) / self.half_width
    }
}

/// A frame at the working size.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) colours: Plane<Colour>,
    /// Length of the colour's gradient.
    pub(super) edges: Plane<f32>,
    /// Coverage by the person, 0..=1.
    pub(super) person: Plane<f32>,
    /// Forearms and hands.
    pub(super) hands: Vec<Limb>,
    /// Joints of the body that are seen, hands left out.
    pub(super) joints: Vec<(f32, f32)>,
    /// Working pixels to a frame pixel.
    pub(super) scale: f32,
}

/// A frame at the size in which objects are followed: the frame itself, or smaller.
pub(super) fn reduced(picture: &Picture) -> Picture {
    let (width, height) = picture.size();
    let longest = width.max(height);
    if longest <= WORKING_SIDE {
        return picture.clone();
    }
    let length = |side: usize| (side * WORKING_SIDE).div_ceil(longest);
    resize_picture(picture, length(width), length(height), Filter::Area)
}

impl Look {
    /// Looks at a frame of `size` that may have been reduced; the mask may have either size, the pose is in frame pixels.
    ///
    /// # Panics
    /// When the frame is empty.
    pub(super) fn of(picture: &Picture, person: &Mask, pose: Option<&Pose>, size: (usize, usize)) -> Self {
        let small = reduced(picture);
        let (width, height) = small.size();
        assert!(width > 0 && height > 0, "a frame of {width}x{height}");
        let mut person = person.map(|value| f32::from(value) / 255.0);
        if person.size() != (width, height) {
            person = resize_real(&person, width, height, Filter::Area);
        }
        let scale = width as f32 / size.0 as f32;
        let colours = small.map(colour);
        let edges = edges(&softened(&colours));
        let hands = pose.map_or(vec![], |pose| hands(pose, scale));
        Self { colours, edges, person, hands, joints: pose.map_or(vec![], |pose| joints(pose, scale)), scale }
    }

    /// Columns and rows.
    pub(super) fn size(&self) -> (usize, usize) {
        self.colours.size()
    }

    /// The colour at a place between pixels; the border's outside of the frame.
    pub(super) fn colour_at(&self, x: f32, y: f32) -> Colour {
        let (left, top) = (x.floor(), y.floor());
        let (across, down) = (x - left, y - top);
        let at = |dx: i32, dy: i32| self.colours.get_clamped(left as i32 + dx, top as i32 + dy);
        let corners = [at(0, 0), at(1, 0), at(0, 1), at(1, 1)];
        let weights = [(1.0 - across) * (1.0 - down), across * (1.0 - down), (1.0 - across) * down, across * down];
        std::array::from_fn(|channel| (0..4).map(|corner| weights[corner] * corners[corner][channel]).sum())
    }

    /// True when the place lies inside of the frame.
    pub(super) fn holds(&self, (x, y): (f32, f32)) -> bool {
        let (width, height) = (self.size().0 as f32, self.size().1 as f32);
        x > -0.5 && y > -0.5 && x < width - 0.5 && y < height - 0.5
    }

    /// Distance from the nearest hand or forearm in its half widths; infinite where none is known.
    pub(super) fn hand_distance(&self, x: usize, y: usize) -> f32 {
        let place = (x as f32 + 0.5, y as f32 + 0.5);
        self.hands.iter().map(|limb| limb.distance(place)).fold(f32::INFINITY, f32::min)
    }
}

fn colour([red, green, blue]: [u8; 3]) -> Colour {
    let [red, green, blue] = [red, green, blue].map(f32::from);
    [(red + 2.0 * green + blue) / 4.0, CHROMA * (red - green) / 2.0, CHROMA * ((red + green) / 2.0 - blue) / 2.0]
}

/// Squared distance of two colours.
pub(super) fn difference(one: Colour, other: Colour) -> f32 {
    (0..3).map(|channel| (one[channel] - other[channel]).powi(2)).sum()
}

/// Means over three by three pixels, the middle counting most.
fn softened(colours: &Plane<Colour>) -> Plane<Colour> {
    let (width, height) = colours.size();
    let pass = |from: &Plane<Colour>, dx: i32, dy: i32| {
        Plane::from_fn(width, height, |x, y| {
            let at = |step: i32| from.get_clamped(x as i32 + step * dx, y as i32 + step * dy);
            let (before, here, after) = (at(-1), at(0), at(1));
            std::array::from_fn(|channel| (before[channel] + 2.0 * here[channel] + after[channel]) / 4.0)
        })
    };
    pass(&pass(colours, 1, 0), 0, 1)
}

fn edges(colours: &Plane<Colour>) -> Plane<f32> {
    Plane::from_fn(colours.width(), colours.height(), |x, y| {
        let at = |dx: i32, dy: i32| colours.get_clamped(x as i32 + dx, y as i32 + dy);
        ((difference(at(1, 0), at(-1, 0)) + difference(at(0, 1), at(0, -1))) / 4.0).sqrt()
    })
}

fn hands(pose: &Pose, scale: f32) -> Vec<Limb> {
    let place = |point: Keypoint| (point.x * scale, point.y * scale);
    let mut limbs = vec![];
    let sides = [
        (Joint::RightElbow, Joint::RightWrist, &pose.right_hand),
        (Joint::LeftElbow, Joint::LeftWrist, &pose.left_hand),
    ];
    for (elbow, wrist, fingers) in sides {
        let (elbow, wrist) = (pose.joint(elbow), pose.joint(wrist));
        if !wrist.is_drawn() || !elbow.is_drawn() {
            continue;
        }
        let (elbow, wrist) = (place(elbow), place(wrist));
        let length = (elbow.0 - wrist.0).hypot(elbow.1 - wrist.1).max(4.0);
        limbs.push(Limb { from: elbow, to: wrist, half_width: FOREARM * length });
        let knuckles = fingers.get(9).filter(|point| point.is_drawn()).map(|point| place(*point));
        let beyond =
            |along: usize| [wrist.0, wrist.1][along] + HAND_REACH * ([wrist.0 - elbow.0, wrist.1 - elbow.1][along]);
        let to = knuckles.unwrap_or((beyond(0), beyond(1)));
        limbs.push(Limb { from: wrist, to, half_width: PALM * length });
    }
    limbs
}

fn joints(pose: &Pose, scale: f32) -> Vec<(f32, f32)> {
    let wrists = [Joint::RightWrist as usize, Joint::LeftWrist as usize];
    let seen = pose.body.iter().enumerate().filter(|(index, joint)| joint.is_drawn() && !wrists.contains(index));
    seen.map(|(_, joint)| (joint.x * scale, joint.y * scale)).collect()
}
