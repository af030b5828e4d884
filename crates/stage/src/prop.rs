//! Things to hold: sizes, and how a hand takes them.

use crate::bone::{Bone, Side};
use crate::character::Character;
use crate::linear::{Affine, Quat, Vec3};
use crate::mesh::Mesh;
use crate::performance::{Posed, palm_normal};
use crate::spec::HeldProp;

/// How a thing is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grip {
    /// Along the fist, near one end: swords, tools, torches.
    Handle,
    /// Along the fist, in its middle: bows, staffs, paddles.
    Middle,
    /// In the hand, upright: cups, bottles, boxes, balls.
    Whole,
}

/// A rigid thing, centred, its longest side 1.
#[derive(Debug, Clone)]
pub struct Prop {
    name: String,
    pack: String,
    mesh: Mesh,
    /// Half the sides of its box.
    half: Vec3,
    grip: Grip,
    /// For handles: the end that is held, -1 or 1 along the longest axis.
    held_end: f32,
    /// Usual longest side in metres; `None` for what nobody holds.
    sizes: Option<(f32, f32)>,
}

/// Words in names, the usual longest side in metres, and whether it is held by a handle.
const CLASSES: [(&[&str], (f32, f32), Grip); 9] = [
    (&["bow", "crossbow"], (0.8, 1.2), Grip::Middle),
    (&["staff", "spear", "scythe", "paddle"], (1.2, 1.7), Grip::Middle),
    (&["sword", "shovel", "2handed", "shotgun"], (0.75, 1.05), Grip::Handle),
    (&["axe", "hammer", "torch", "woodentorch", "pan", "sign"], (0.4, 0.65), Grip::Handle),
    (&["dagger", "knife", "key", "arrow", "dart", "bone"], (0.25, 0.5), Grip::Handle),
    (&["pistol", "revolver", "flaregun", "phone", "flare"], (0.16, 0.28), Grip::Handle),
    (
        &["shield", "skull", "radio", "pillow", "firstaidkit", "crate", "pot", "bag", "cuttingboard", "trashcan"],
        (0.3, 0.5),
        Grip::Whole,
    ),
    (
        &["bottle", "waterbottle", "potion", "chalice", "mug", "jar", "can", "ketchup", "mustard", "papertowel"],
        (0.16, 0.3),
        Grip::Whole,
    ),
    (
        &[
            "book",
            "food",
            "bowl",
            "plate",
            "crystal",
            "crown",
            "pouch",
            "heart",
            "star",
            "snowflake",
            "mineral",
            "parchment",
            "scroll",
            "battery",
            "padlock",
            "coin",
            "ring",
            "necklace",
            "gold",
            "bandages",
            "menu",
            "lid",
            "matchbox",
            "woodlog",
            "pictureframe",
            "cactus",
            "bottles",
            "ball",
            "stew",
        ],
        (0.16, 0.32),
        Grip::Whole,
    ),
];

/// Words that make a thing too large or too odd to hold whatever else its name says.
const NEVER: [&str; 30] = [
    "wall",
    "floor",
    "table",
    "kitchentable",
    "kitchencounter",
    "kitchencabinet",
    "kitchen",
    "cabinet",
    "door",
    "bed",
    "couch",
    "fridge",
    "oven",
    "stove",
    "street",
    "tree",
    "bathroom",
    "window",
    "shelf",
    "bookshelf",
    "light",
    "armor",
    "rug",
    "carpet",
    "trafficlight",
    "large",
    "raft",
    "column",
    "tent",
    "dishrack",
];

/// The words of a name in lower case: `FirstAidKit_Hard2` has `firstaidkit`, `first`, `aid`, `kit` and `hard`.
fn words_of(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    for part in name.split(|letter: char| !letter.is_alphanumeric()) {
        let whole = part.to_lowercase();
        let bare = whole.trim_end_matches(|letter: char| letter.is_ascii_digit());
        words.extend([whole.clone(), bare.to_owned()]);
        let mut word = String::new();
        for letter in part.chars() {
            if letter.is_uppercase() && !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            if letter.is_alphabetic() {
                word.extend(letter.to_lowercase());
            }
        }
        words.push(word);
    }
    words.retain(|word| !word.is_empty());
    words
}

impl Prop {
    /// Takes a mesh of any size and place.
    pub(crate) fn new(name: String, pack: String, mut mesh: Mesh) -> Self {
        let (low, high) = mesh.bounds();
        let (centre, size) = (low.lerp(high, 0.5), high - low);
        let longest = size.x.max(size.y).max(size.z).max(1e-6);
        mesh.positions.iter_mut().for_each(|point| *point = (*point - centre) * (1.0 / longest));
        let half = size * (0.5 / longest);
        let words = words_of(&name);
        let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
        let holdable = !has(&NEVER);
        let class = CLASSES.iter().find(|(words, ..)| has(words));
        let (sizes, grip) = match class {
            Some((_, sizes, grip)) if holdable => (Some(*sizes), *grip),
            _ => (None, Grip::Whole),
        };
        // Modellers put the origin at the handle; else the lower end is held.
        let axis = longest_axis(half);
        let origin = -component(centre, axis) / longest;
        let held_end = if origin.abs() > 0.1 { origin.signum() } else { -1.0 };
        Self { name, pack, mesh, half, grip, held_end, sizes }
    }

    /// A ball, whose pattern comes from its colours' seed.
    pub(crate) fn ball(seed: u64) -> Self {
        let material = crate::mesh::Material {
            name: format!("ball{seed}"),
            colour: [0.5, 0.5, 0.5],
            texture: None,
            cutoff: None,
            double_sided: false,
            kind: crate::mesh::Kind::Cloth,
        };
        let mesh = Mesh::ellipsoid(Vec3::ZERO, Vec3::new(0.5, 0.5, 0.5), material, 0, 14);
        let mut prop = Self::new(format!("{seed}"), "ball".into(), mesh);
        (prop.grip, prop.sizes) = (Grip::Whole, Some((0.14, 0.3)));
        prop.mesh.joints.clear();
        prop.mesh.weights.clear();
        prop
    }

    /// Name of the object.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Pack it comes from.
    pub fn pack(&self) -> &str {
        &self.pack
    }

    /// Triangles, centred, longest side 1.
    pub(crate) fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// Usual longest side in metres, least and most; `None` for what nobody holds.
    pub fn held_sizes(&self) -> Option<(f32, f32)> {
        self.sizes
    }

    /// Where the thing is when `character` in pose `posed` holds it.
    pub(crate) fn in_hand(&self, character: &Character, posed: &Posed, held: &HeldProp) -> Affine {
        let skeleton = character.skeleton();
        let hand = skeleton.joint_or_above(Bone::hand(held.hand));
        let wrist = skeleton.joints[hand].rest;
        // The hand in the rest pose: along the fingers, out of the palm, and along a held stick towards the thumb.
        let (along, palm, length) = match (skeleton.direction(Bone::hand(held.hand)), palm_normal(skeleton, held.hand))
        {
            (Some(along), Some(palm)) => {
                let knuckle = skeleton.finger(held.hand, 2).first().map_or(wrist, |&joint| skeleton.joints[joint].rest);
                (along, palm, (knuckle - wrist).length())
            }
            _ => (-Vec3::UP, Vec3::new(if held.hand == Side::Left { -1.0 } else { 1.0 }, 0.0, 0.0), 0.08),
        };
        let thumb = match held.hand {
            Side::Left => palm.cross(along),
            Side::Right => along.cross(palm),
        };
        let thumb = if thumb.z < 0.0 { -thumb } else { thumb }.normalised();
        let palm = along.cross(thumb) * along.cross(thumb).dot(palm).signum();

        // The thing's axes: which goes along the fist, and how far from its middle the fist is.
        let axis = match self.grip {
            Grip::Whole => 1,
            Grip::Handle | Grip::Middle => longest_axis(self.half),
        };
        let reach = component(self.half, axis);
        let (flip, from_middle) = match self.grip {
            // The held end is below the fist, the rest above it.
            Grip::Handle => (-self.held_end, 0.76 * reach),
            Grip::Middle => (1.0, 0.0),
            Grip::Whole => (1.0, 0.15 * reach),
        };
        let others = [(axis + 1) % 3, (axis + 2) % 3];
        // The flatter of the other two sides lies against the palm.
        let (wide, flat) = if component(self.half, others[0]) >= component(self.half, others[1]) {
            (others[0], others[1])
        } else {
            (others[1], others[0])
        };
        let twist = Quat::about(thumb, held.twist);
        let (towards_fingers, out) = (twist.rotate(along), twist.rotate(palm));
        let mut columns = [Vec3::ZERO; 3];
        columns[axis] = thumb * flip;
        columns[wide] = towards_fingers;
        columns[flat] = out;
        if columns[0].cross(columns[1]).dot(columns[2]) < 0.0 {
            columns[flat] = -columns[flat];
        }
        let thickness = match self.grip {
            Grip::Whole => component(self.half, flat) * held.size,
            Grip::Handle | Grip::Middle => 0.012,
        };
        let fist = wrist + along * (length * 0.95) + palm * (0.022 + thickness);
        let turn = posed.turn(hand);
        let map = posed.scene_from_rest(skeleton, hand);
        let middle = map.point(fist) + turn.rotate(thumb) * (from_middle * held.size);
        Affine { columns: columns.map(|column| turn.rotate(column) * held.size), origin: middle }
    }
}

fn component(vector: Vec3, axis: usize) -> f32 {
    <[f32; 3]>::from(vector)[axis]
}

fn longest_axis(half: Vec3) -> usize {
    if half.y >= half.x && half.y >= half.z {
        1
    } else if half.x >= half.z {
        0
    } else {
        2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_can_be_held() {
        let thing = |name: &str| Prop::new(name.into(), "pack".into(), Prop::ball(0).mesh.clone());
        for name in ["Sword_big", "Potion1_Filled", "Mug_empty", "food_burger", "Pan_Small"] {
            assert!(thing(name).held_sizes().is_some(), "{name}");
        }
        for name in ["Couch_L", "kitchentable_A", "Street_4Way", "wall_half", "table_low"] {
            assert!(thing(name).held_sizes().is_none(), "{name}");
        }
        // A bowl is no bow.
        assert!(thing("stew_bowl").held_sizes().unwrap().1 < 0.5);
        assert!(thing("WaterBottle_2").held_sizes().unwrap().1 < 0.5);
    }

    #[test]
    fn a_thing_is_centred_with_longest_side_one() {
        let mut mesh = Prop::ball(0).mesh.clone();
        mesh.positions.iter_mut().for_each(|p| *p = Vec3::new(p.x * 2.0 + 5.0, p.y * 8.0, p.z));
        let (low, high) = Prop::new("Sword".into(), "pack".into(), mesh).mesh.bounds();
        assert!((high.y - low.y - 1.0).abs() < 1e-5 && (high.x + low.x).abs() < 1e-5);
    }
}
