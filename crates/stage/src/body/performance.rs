//! Applies a motion to a character: one pose per frame, standing on the floor, with open or closed hands.

use crate::body::bone::Bone;
use crate::body::character::Character;
use crate::body::figure::Figure;
use crate::body::footing::{drops, plant_feet};
use crate::body::motion::{Motion, MotionSample};
use crate::body::pose::{Posed, lowest_point};
use crate::body::stance::Stance;
use crate::linear::{Quat, Vec3};
use crate::spec::Action;

/// The poses of `character` at each of `times` (seconds after the first frame), standing on the floor `y = 0`. Unless
/// it sits, the pelvis is above the origin on average.
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
    // 1. The motion's rotations on this body.
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
    // 2. Move it over the origin and onto the floor.
    let poses: Vec<Posed> = figures.iter().map(|figure| figure.posed(skeleton)).collect();
    let sum = figures.iter().fold(Vec3::ZERO, |sum, figure| sum + figure.pelvis);
    let middle = sum * (1.0 / figures.len().max(1) as f32);
    let lows: Vec<f32> = poses.iter().map(|pose| lowest_point(character, pose)).collect();
    for (figure, drop) in figures.iter_mut().zip(drops(&lows, times)) {
        figure.pelvis += Vec3::new(-middle.x, -drop, -middle.z);
    }
    // 3. Contacts of hands and feet.
    stance.sit_down(character, &mut figures);
    if !matches!(stance, Stance::Seated { .. }) {
        plant_feet(character, &mut figures, times);
    }
    stance.place_hands(character, &mut figures);
    figures.iter().map(|figure| figure.posed(skeleton)).collect()
}

/// The sample with left and right swapped.
fn mirrored(sample: &MotionSample) -> MotionSample {
    MotionSample {
        turns: std::array::from_fn(|bone| {
            let turn = sample.turns[Bone::ALL[bone].mirrored() as usize];
            Quat { x: turn.x, y: -turn.y, z: -turn.z, w: turn.w }
        }),
        pelvis: Vec3::new(-sample.pelvis.x, sample.pelvis.y, sample.pelvis.z),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::acts::act;
    use crate::body::mannequin::mannequin;
    use crate::body::pose::Grips;
    use crate::side::Side;

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
            let motions =
                crate::assets::gltf::motion::motions(&folder.join(format!("motions/{pack}.glb")), pack).unwrap();
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
