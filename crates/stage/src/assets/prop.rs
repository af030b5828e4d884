//! Defines props, and where a prop is placed when a person holds it, carries it, sits on it, leans on it or kicks it.

use crate::assets::seat::{Seat, find_seat};
use crate::assets::use_class::{Home, UseClass};
use crate::assets::use_words::Grip;
use crate::body::bone::Bone;
use crate::body::character::Character;
use crate::body::pose::{Grips, Posed, palm_normal};
use crate::body::stance::{Stance, carried};
use crate::linear::{Affine, Quat, Vec3};
use crate::mesh::Mesh;
use crate::side::Side;
use crate::spec::{Usage, UsedProp};
use crate::trig::Exact;

/// A rigid prop, centred and scaled so that its longest side is 1.
#[derive(Debug, Clone)]
pub struct Prop {
    name: String,
    pack: String,
    mesh: Mesh,
    /// Half the sides of its box.
    half: Vec3,
    class: UseClass,
    /// For props with a handle: the end that is held, -1 or 1 along the longest axis.
    held_end: f32,
    seat: Option<Seat>,
}

impl Prop {
    /// Normalises a mesh of any size and position.
    pub(crate) fn new(name: String, pack: String, mut mesh: Mesh) -> Self {
        let (low, high) = mesh.bounds();
        let (centre, size) = (low.lerp(high, 0.5), high - low);
        let longest = size.x.max(size.y).max(size.z).max(1e-6);
        mesh.positions.iter_mut().for_each(|point| *point = (*point - centre) * (1.0 / longest));
        let half = size * (0.5 / longest);
        let class = UseClass::of(&name, half);
        // Modellers put the origin at the handle. Otherwise the lower end is held.
        let axis = longest_axis(half);
        let origin = -component(centre, axis) / longest;
        let held_end = if origin.abs() > 0.1 { origin.signum() } else { -1.0 };
        let seat = if class.seat { find_seat(&mesh, half) } else { None };
        Self { name, pack, mesh, half, class, held_end, seat }
    }

    /// A ball. The seed of its colours determines its pattern.
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
        prop.class.held = Some((0.14, 0.3));
        prop.mesh.joints.clear();
        prop.mesh.weights.clear();
        prop
    }

    /// The end by which it is held: -1 or 1 along its longest axis.
    pub(crate) fn held_end(&self) -> f32 {
        self.held_end
    }

    /// The same prop, held by the other end.
    pub(crate) fn with_held_end(self, end: f32) -> Self {
        Self { held_end: end.signum(), ..self }
    }

    /// Name of the object.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The pack that contains it.
    pub fn pack(&self) -> &str {
        &self.pack
    }

    /// Triangles, centred, longest side 1.
    pub(crate) fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// Usual longest side in metres, minimum and maximum; `None` for props that are never held.
    pub fn held_sizes(&self) -> Option<(f32, f32)> {
        self.class.held
    }

    /// Usual longest side in metres when carried with both hands.
    pub(crate) fn carried_sizes(&self) -> Option<(f32, f32)> {
        self.class.carried
    }

    /// Usual longest side in metres when standing on the floor, minimum and maximum.
    pub(crate) fn standing_sizes(&self) -> Option<(f32, f32)> {
        let (least, most) = self.class.standing?;
        let tall = 2.0 * self.half.y;
        // If the prop lies flat although its name suggests something tall, the name is wrong.
        let fits = tall > 0.12 && most / tall < 4.5;
        fits.then_some((least / tall, most / tall))
    }

    /// Where a person can sit on it.
    pub(crate) fn seat(&self) -> Option<Seat> {
        self.seat
    }

    /// Where it is found.
    pub(crate) fn home(&self) -> Home {
        self.class.home
    }

    /// True if a hand can lean on its top.
    pub(crate) fn is_support(&self) -> bool {
        self.class.support
    }

    /// Half its sides at a size, in metres.
    pub(crate) fn half(&self, size: f32) -> Vec3 {
        self.half * size
    }

    /// The map from the prop to the scene when the middle of its underside is at `place`.
    pub(crate) fn standing(&self, size: f32, place: Vec3, heading: f32) -> Affine {
        let origin = place + Vec3::UP * (self.half.y * size);
        Affine::from_parts(origin, Quat::about(Vec3::UP, heading), Vec3::new(size, size, size))
    }

    /// What a body does when it uses the prop.
    pub(crate) fn stance(&self, used: Option<&UsedProp>) -> Stance {
        match used.map(|used| (used.usage, used.size)) {
            None | Some((Usage::Kicked { .. } | Usage::Near { .. }, _)) => Stance::Free(Grips::RELAXED_BOTH),
            Some((Usage::Hand { hand, .. }, _)) => Stance::Free(Grips::holding(Some(hand))),
            Some((Usage::BothHands, size)) => Stance::Carrying(self.carried_half() * size),
            Some((Usage::Seat { hips, facing, .. }, _)) => Stance::Seated { place: hips, facing },
            Some((Usage::Support { hand, palm, .. }, _)) => Stance::Leaning { hand, palm },
        }
    }

    /// Half the sides of its box when carried: across, up, forwards.
    fn carried_half(&self) -> Vec3 {
        let half = self.half;
        if half.z > half.x { Vec3::new(half.z, half.y, half.x) } else { half }
    }

    /// The prop's position when `character` in pose `posed` uses it, `seconds` after the first frame.
    pub(crate) fn in_use(&self, character: &Character, posed: &Posed, used: &UsedProp, seconds: f32) -> Affine {
        match used.usage {
            Usage::Hand { hand, twist } => self.in_hand(character, posed, (hand, twist), used.size),
            Usage::BothHands => {
                let load = carried(character, posed, self.carried_half() * used.size);
                let [across, up, forwards] = load.columns.map(|axis| axis * used.size);
                let turned = self.half.z > self.half.x;
                let columns = if turned { [-forwards, up, across] } else { [across, up, forwards] };
                Affine { columns, ..load }
            }
            Usage::Seat { place, heading, .. }
            | Usage::Support { place, heading, .. }
            | Usage::Near { place, heading } => self.standing(used.size, place, heading),
            Usage::Kicked { place, time, velocity } => {
                let radius = self.half.y * used.size;
                kicked(place, radius, (seconds - time).max(0.0), velocity, used.size)
            }
        }
    }

    /// The prop's position in a hand.
    fn in_hand(&self, character: &Character, posed: &Posed, (side, twist): (Side, f32), size: f32) -> Affine {
        let skeleton = character.skeleton();
        let hand = skeleton.joint_or_above(Bone::hand(side));
        let wrist = skeleton.joints[hand].rest;
        // The hand in the rest pose: along the fingers, out of the palm, and along a held stick towards the thumb.
        let (along, palm, length) = match (skeleton.direction(Bone::hand(side)), palm_normal(skeleton, side)) {
            (Some(along), Some(palm)) => {
                let knuckle = skeleton.finger(side, 2).first().map_or(wrist, |&joint| skeleton.joints[joint].rest);
                (along, palm, (knuckle - wrist).length())
            }
            _ => (-Vec3::UP, Vec3::new(if side == Side::Left { -1.0 } else { 1.0 }, 0.0, 0.0), 0.08),
        };
        let thumb = match side {
            Side::Left => palm.cross(along),
            Side::Right => along.cross(palm),
        };
        let thumb = if thumb.z < 0.0 { -thumb } else { thumb }.normalised();
        let palm = along.cross(thumb) * along.cross(thumb).dot(palm).signum();

        // The prop's axes: the one along the fist, and the distance of the fist from its middle.
        let axis = match self.class.grip {
            Grip::Whole => 1,
            Grip::Handle | Grip::Middle => longest_axis(self.half),
        };
        let reach = component(self.half, axis);
        let (flip, from_middle) = match self.class.grip {
            // The held end is below the fist, the rest above it.
            Grip::Handle => (-self.held_end, 0.76 * reach),
            Grip::Middle => (1.0, 0.0),
            Grip::Whole => (1.0, 0.15 * reach),
        };
        let others = [(axis + 1) % 3, (axis + 2) % 3];
        // The flatter one of the other two sides lies against the palm.
        let (wide, flat) = if component(self.half, others[0]) >= component(self.half, others[1]) {
            (others[0], others[1])
        } else {
            (others[1], others[0])
        };
        let twist = Quat::about(thumb, twist);
        let (towards_fingers, out) = (twist.rotate(along), twist.rotate(palm));
        let mut columns = [Vec3::ZERO; 3];
        columns[axis] = thumb * flip;
        columns[wide] = towards_fingers;
        columns[flat] = out;
        if columns[0].cross(columns[1]).dot(columns[2]) < 0.0 {
            columns[flat] = -columns[flat];
        }
        let thickness = match self.class.grip {
            Grip::Whole => component(self.half, flat) * size,
            Grip::Handle | Grip::Middle => 0.012,
        };
        let fist = wrist + along * (length * 0.95) + palm * (0.022 + thickness);
        let turn = posed.turn(hand);
        let map = posed.scene_from_rest(skeleton, hand);
        let middle = map.point(fist) + turn.rotate(thumb) * (from_middle * size);
        Affine { columns: columns.map(|column| turn.rotate(column) * size), origin: middle }
    }
}

/// The position of a ball that is hit and then rolls or flies off, bouncing and slowing down.
fn kicked(place: Vec3, radius: f32, seconds: f32, velocity: Vec3, size: f32) -> Affine {
    const SLOWING: f32 = 0.35;
    const GRAVITY: f32 = 9.81;
    let slowed = (1.0 - (-SLOWING * seconds).exponential()) / SLOWING;
    let mut way = Vec3::new(velocity.x, 0.0, velocity.z) * slowed;
    // Arcs, each with half the speed of the previous one.
    let (mut rest, mut rise) = (seconds, velocity.y.max(0.0));
    while rise > 0.2 && rest > 2.0 * rise / GRAVITY {
        rest -= 2.0 * rise / GRAVITY;
        rise *= 0.5;
    }
    let height = if rise > 0.2 { rise * rest - GRAVITY / 2.0 * rest * rest } else { 0.0 };
    let rolled = way.length() / radius.max(1e-3);
    let axis = Vec3::UP.cross(way);
    let turn = if way.length() > 1e-5 { Quat::about(axis.normalised(), rolled) } else { Quat::IDENTITY };
    way.y = height.max(0.0);
    Affine::from_parts(place + way, turn, Vec3::new(size, size, size))
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
        // The word "bowl" must not match "bow".
        assert!(thing("stew_bowl").held_sizes().unwrap().1 < 0.5);
        assert!(thing("WaterBottle_2").held_sizes().unwrap().1 < 0.5);
    }

    #[test]
    fn a_kicked_ball_lies_still_then_goes_off_and_never_under_the_floor() {
        let place = Vec3::new(0.0, 0.1, 0.0);
        let at = |seconds: f32| kicked(place, 0.1, seconds, Vec3::new(3.0, 2.0, 0.0), 0.2).origin;
        assert_eq!(at(0.0), place);
        assert!(at(0.5).x > 1.2 && at(0.2).y > 0.2);
        assert!((0..60).all(|step| at(step as f32 * 0.05).y >= 0.1 - 1e-5));
    }

    #[test]
    fn a_thing_is_centred_with_longest_side_one() {
        let mut mesh = Prop::ball(0).mesh.clone();
        mesh.positions.iter_mut().for_each(|p| *p = Vec3::new(p.x * 2.0 + 5.0, p.y * 8.0, p.z));
        let (low, high) = Prop::new("Sword".into(), "pack".into(), mesh).mesh.bounds();
        assert!((high.y - low.y - 1.0).abs() < 1e-5 && (high.x + low.x).abs() < 1e-5);
    }
}
