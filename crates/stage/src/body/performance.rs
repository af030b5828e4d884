//! A character carries out a motion: one pose a frame, standing on the floor, hands open or closed.

use crate::body::bone::{Bone, Side};
use crate::body::character::{Character, Skeleton};
use crate::body::figure::Figure;
use crate::body::footing::{drops, plant_feet};
use crate::body::landmark::Landmark;
use crate::body::motion::{Motion, MotionSample};
use crate::body::stance::Stance;
use crate::linear::{Affine, Quat, Vec3};
use crate::spec::Action;

/// A character in one pose.
#[derive(Debug, Clone)]
pub(crate) struct Posed {
    turns: Vec<Quat>,
    places: Vec<Vec3>,
    scale: f32,
}

impl Posed {
    /// The map from the rest pose to the scene for corners bound to `joint`.
    pub(crate) fn scene_from_rest(&self, skeleton: &Skeleton, joint: usize) -> Affine {
        let map = Affine::from_parts(Vec3::ZERO, self.turns[joint], Vec3::new(self.scale, self.scale, self.scale));
        Affine { origin: self.places[joint] - map.vector(skeleton.joints[joint].rest), ..map }
    }

    /// Where a landmark is in the scene.
    pub(crate) fn landmark(&self, skeleton: &Skeleton, landmark: &Landmark) -> Vec3 {
        let offset = landmark.rest - skeleton.joints[landmark.joint].rest;
        self.places[landmark.joint] + self.turns[landmark.joint].rotate(offset * self.scale)
    }

    /// Place of a joint in the scene.
    pub(crate) fn joint(&self, joint: usize) -> Vec3 {
        self.places[joint]
    }

    /// Turn of a joint from the rest pose.
    pub(crate) fn turn(&self, joint: usize) -> Quat {
        self.turns[joint]
    }

    /// All joints' places.
    pub(crate) fn joints(&self) -> &[Vec3] {
        &self.places
    }

    /// Size relative to the asset.
    pub(crate) fn scale(&self) -> f32 {
        self.scale
    }

    /// Moves everything.
    pub(crate) fn shift(&mut self, by: Vec3) {
        self.places.iter_mut().for_each(|place| *place += by);
    }
}

/// How far each hand is closed, in radians a finger joint: left, right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grips(pub(crate) [f32; 2]);

impl Grips {
    const RELAXED: f32 = 0.22;
    const CLOSED: f32 = 0.95;
    const FLAT: f32 = 0.05;
    /// Hands that do nothing.
    pub(crate) const RELAXED_BOTH: Self = Self([Self::RELAXED; 2]);

    /// Hands that hold something on `side`, if any.
    pub(crate) fn holding(side: Option<Side>) -> Self {
        Self(Side::BOTH.map(|hand| if Some(hand) == side { Self::CLOSED } else { Self::RELAXED }))
    }

    /// A flat hand on `side`; both when none is named.
    pub(crate) fn flat(side: Option<Side>) -> Self {
        Self(Side::BOTH.map(|hand| if side.is_none_or(|side| side == hand) { Self::FLAT } else { Self::RELAXED }))
    }
}

/// Poses of `character` at each of `times` (seconds after the first frame), standing on the floor `y = 0`; unless it sits, the
/// pelvis is on average above the origin.
pub(crate) fn perform(
    character: &Character,
    motion: &Motion,
    action: &Action,
    scale: f32,
    stance: Stance,
    times: &[f32],
) -> Vec<Posed> {
    let skeleton = character.skeleton();
    let alignment = motion.alignment(skeleton);
    let heading = Quat::about(Vec3::UP, action.heading);
    let stride = scale * skeleton.hip_height() / motion.hip_height;
    // 1. The motion's turns on this body.
    let mut figures: Vec<Figure> = times
        .iter()
        .map(|time| {
            let mut sample = motion.at(action.start + time * action.speed);
            if action.mirror {
                sample = mirrored(&sample);
            }
            let mut turns = std::array::from_fn(|bone| heading.after(sample.turns[bone]).after(alignment[bone]));
            stance.bend_body(skeleton, &mut turns);
            Figure { turns, pelvis: heading.rotate(sample.pelvis * stride), scale, grips: stance.grips() }
        })
        .collect();
    // 2. Over the origin, on the floor.
    let poses: Vec<Posed> = figures.iter().map(|figure| figure.posed(skeleton)).collect();
    let sum = figures.iter().fold(Vec3::ZERO, |sum, figure| sum + figure.pelvis);
    let middle = sum * (1.0 / figures.len().max(1) as f32);
    let lows: Vec<f32> = poses.iter().map(|pose| lowest_point(character, pose)).collect();
    for (figure, drop) in figures.iter_mut().zip(drops(&lows, times)) {
        figure.pelvis += Vec3::new(-middle.x, -drop, -middle.z);
    }
    // 3. What hands and feet touch.
    stance.sit_down(character, &mut figures);
    if !matches!(stance, Stance::Seated { .. }) {
        plant_feet(character, &mut figures, times);
    }
    stance.place_hands(character, &mut figures);
    figures.iter().map(|figure| figure.posed(skeleton)).collect()
}

/// Places every joint from the turns of the bones; joints that are not bones follow the joint above, fingers close.
pub(crate) fn pose(skeleton: &Skeleton, turns: &[Quat; Bone::COUNT], pelvis: Vec3, scale: f32, grips: Grips) -> Posed {
    let count = skeleton.joints.len();
    let mut posed = Posed { turns: vec![Quat::IDENTITY; count], places: vec![Vec3::ZERO; count], scale };
    let axes = Side::BOTH.map(|side| curl_axis(skeleton, side));
    // Joints above the pelvis (a root, a trajectory) keep their place below it.
    let pelvis_joint = skeleton.joint_or_above(Bone::Pelvis);
    for (index, joint) in skeleton.joints.iter().enumerate() {
        let above = joint.parent.map_or(Quat::IDENTITY, |parent| posed.turns[parent]);
        posed.turns[index] = match (skeleton.bone_of[index], skeleton.finger_of[index]) {
            (Some(bone), _) => turns[bone as usize],
            (None, Some((side, finger))) => match axes[side as usize] {
                Some(axis) => {
                    let share = if finger == 0 { 0.35 } else { 1.0 };
                    above.after(Quat::about(axis, grips.0[side as usize] * share))
                }
                None => above,
            },
            (None, None) => above,
        };
        posed.places[index] = match joint.parent {
            _ if index == pelvis_joint => pelvis,
            Some(parent) => {
                posed.places[parent] + posed.turns[parent].rotate((joint.rest - skeleton.joints[parent].rest) * scale)
            }
            None => pelvis + (joint.rest - skeleton.joints[pelvis_joint].rest) * scale,
        };
    }
    posed
}

/// The axis, in the rest pose, about which a positive turn closes the fingers.
pub(crate) fn curl_axis(skeleton: &Skeleton, side: Side) -> Option<Vec3> {
    let (index, little) = (*skeleton.finger(side, 1).first()?, *skeleton.finger(side, 4).first()?);
    let across = (skeleton.joints[index].rest - skeleton.joints[little].rest).normalised();
    let along = skeleton.direction(Bone::hand(side))?;
    let palm = palm_normal(skeleton, side)?;
    // Turning about `axis` must move the finger's direction towards the palm's normal.
    let sign = if across.cross(along).dot(palm) > 0.0 { 1.0 } else { -1.0 };
    Some(across * sign)
}

/// The way out of the palm in the rest pose: across the fingers, towards the body or the ground.
pub(crate) fn palm_normal(skeleton: &Skeleton, side: Side) -> Option<Vec3> {
    let (index, little) = (*skeleton.finger(side, 1).first()?, *skeleton.finger(side, 4).first()?);
    let across = skeleton.joints[index].rest - skeleton.joints[little].rest;
    let normal = across.cross(skeleton.direction(Bone::hand(side))?).normalised();
    let inwards = if side == Side::Left { -1.0 } else { 1.0 };
    let towards_body = Vec3::new(inwards, -1.0, 0.0);
    Some(if normal.dot(towards_body) > 0.0 { normal } else { -normal })
}

/// The sample with left and right exchanged.
fn mirrored(sample: &MotionSample) -> MotionSample {
    MotionSample {
        turns: std::array::from_fn(|bone| {
            let turn = sample.turns[Bone::ALL[bone].mirrored() as usize];
            Quat { x: turn.x, y: -turn.y, z: -turn.z, w: turn.w }
        }),
        pelvis: Vec3::new(-sample.pelvis.x, sample.pelvis.y, sample.pelvis.z),
    }
}

/// Height of the lowest of the corners that can touch the ground.
pub(crate) fn lowest_point(character: &Character, pose: &Posed) -> f32 {
    height_of_lowest(character, pose, character.soles())
}

/// Height of the lowest of some corners.
pub(crate) fn height_of_lowest(character: &Character, pose: &Posed, corners: &[u32]) -> f32 {
    let (skeleton, mesh) = (character.skeleton(), character.mesh());
    let maps: Vec<Affine> = (0..skeleton.joints.len()).map(|joint| pose.scene_from_rest(skeleton, joint)).collect();
    let height = |corner: usize| -> f32 {
        let (joints, weights) = (mesh.joints[corner], mesh.weights[corner]);
        (0..4)
            .filter(|&slot| weights[slot] > 0.0)
            .map(|slot| maps[usize::from(joints[slot])].point(mesh.positions[corner]).y * weights[slot])
            .sum()
    };
    corners.iter().map(|&corner| height(corner as usize)).fold(f32::INFINITY, f32::min)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::acts::act;
    use crate::body::mannequin::mannequin;

    const FREE: Stance = Stance::Free(Grips::RELAXED_BOTH);

    fn every(count: usize, seconds: f32) -> Vec<f32> {
        (0..count).map(|frame| frame as f32 * seconds).collect()
    }

    fn action(motion: &str, heading: f32, mirror: bool) -> Action {
        Action { motion: motion.into(), start: 0.5, speed: 1.0, heading, mirror }
    }

    #[test]
    fn a_walker_stays_within_a_hand_of_the_floor() {
        let motion = act("walk").unwrap();
        for seed in 0..3 {
            let person = mannequin(seed).unwrap();
            let poses = perform(&person, &motion, &action("walk", 0.3, false), 1.0, FREE, &every(12, 0.1));
            let lows: Vec<f32> = poses.iter().map(|pose| lowest_point(&person, pose)).collect();
            assert!(lows.iter().all(|low| *low > -1e-4 && *low < 0.08), "seed {seed}: {lows:?}");
            assert!(lows.iter().any(|low| *low < 1e-4), "seed {seed}: {lows:?}");
        }
    }

    #[test]
    fn a_mirrored_wave_lifts_the_other_hand() {
        let (motion, person) = (act("wave").unwrap(), mannequin(1).unwrap());
        let height = |mirror: bool, side: Side| {
            let poses = perform(&person, &motion, &action("wave", 0.0, mirror), 1.0, FREE, &every(1, 1.0));
            poses[0].joint(person.skeleton().joint_or_above(Bone::hand(side))).y
        };
        assert!(height(false, Side::Right) > height(false, Side::Left) + 0.3);
        assert!((height(true, Side::Left) - height(false, Side::Right)).abs() < 1e-4);
    }

    #[test]
    fn closing_a_hand_brings_the_fingertips_to_the_palm() {
        let (motion, person) = (act("idle").unwrap(), mannequin(2).unwrap());
        let reach = |side: Side, grips: Grips| {
            let poses =
                perform(&person, &motion, &action("idle", 0.0, false), 1.0, Stance::Free(grips), &every(1, 1.0));
            let skeleton = person.skeleton();
            let tip = *skeleton.finger(side, 2).last().unwrap();
            (poses[0].joint(tip) - poses[0].joint(skeleton.joint_or_above(Bone::hand(side)))).length()
        };
        for side in Side::BOTH {
            let (open, closed) = (reach(side, Grips::holding(None)), reach(side, Grips::holding(Some(side))));
            assert!(closed < 0.85 * open, "{side:?}: {closed} of {open}");
        }
    }

    #[test]
    #[expect(clippy::print_stdout, reason = "says that it ran fewer cases, and what was measured")]
    fn loaded_walkers_stay_near_the_floor() {
        let Some(shared) = std::env::var_os("STUNTDOUBLE_SHARED") else {
            println!("skipped: STUNTDOUBLE_SHARED is not set");
            return;
        };
        let folder = std::path::Path::new(&shared).join("data/assets3d");
        let cache = crate::assets::texture_file::TextureCache::new(16);
        let person = |path: &str| crate::assets::gltf::mesh::character(&folder.join(path), "pack", &cache).unwrap();
        let people = [
            "characters_makehuman/mh_00_f.gltf",
            "characters_makehuman/mh_11_m.gltf",
            "characters_stylised/qm_casual.glb",
        ];
        let people = people.map(person);
        let mut lows = Vec::new();
        for pack in ["motions_kaykit", "motions_cmu", "motions_deepmimic"] {
            let motions = crate::body::motion::motions(&folder.join(format!("motions/{pack}.glb")), pack).unwrap();
            let level = |name: &str| name.to_lowercase().contains("walk") && !name.contains("uneven");
            for motion in motions.iter().filter(|motion| level(motion.name())) {
                for person in &people {
                    let action = Action { start: 0.1, ..action(motion.name(), 0.0, false) };
                    let poses = perform(person, motion, &action, 1.0, FREE, &every(16, 1.0 / 15.0));
                    lows.extend(poses.iter().map(|pose| lowest_point(person, pose)));
                }
            }
        }
        lows.sort_by(f32::total_cmp);
        let share = lows.iter().filter(|low| **low < 0.03).count() as f32 / lows.len() as f32;
        println!("{} poses, {:.3} below 3 cm, highest {:.3} m", lows.len(), share, lows[lows.len() - 1]);
        assert!(share > 0.8 && lows.len() > 100, "{share} of {}", lows.len());
    }
}
