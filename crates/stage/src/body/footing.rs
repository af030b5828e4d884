//! Places feet on the floor: moves the whole body down or up to the ground, and holds standing feet in place.

use crate::body::bone::Bone;
use crate::body::character::Character;
use crate::body::figure::Figure;
use crate::body::pose::height_of_lowest;
use crate::linear::Vec3;

/// Half of the longest time without ground contact that counts as a jump, in seconds.
const GROUND_SECONDS: f32 = 0.4;
/// Up to this height, in metres, a step is removed completely. Of a jump, no more than this is removed.
const STEP: f32 = 0.12;

/// How far each pose is lowered. The local ground is the lowest point of the neighbouring frames, smoothed. It follows
/// slopes and stairs that do not exist, and errors of retargeting. What remains above it is a step (which is lowered)
/// or a jump (which is kept).
pub(crate) fn drops(lows: &[f32], times: &[f32]) -> Vec<f32> {
    let length = times.last().unwrap_or(&0.0) - times.first().unwrap_or(&0.0);
    let step = if times.len() > 1 { length / (times.len() - 1) as f32 } else { 1.0 };
    let reach = (GROUND_SECONDS / step.max(1e-3)).ceil() as usize;
    let around = |frame: usize| frame.saturating_sub(reach)..(frame + reach + 1).min(lows.len());
    let least: Vec<f32> =
        (0..lows.len()).map(|frame| lows[around(frame)].iter().copied().fold(f32::INFINITY, f32::min)).collect();
    (0..lows.len())
        .map(|frame| {
            let near = &least[around(frame)];
            let ground = near.iter().sum::<f32>() / near.len() as f32;
            ground + (lows[frame] - ground).clamp(0.0, STEP)
        })
        .collect()
}

/// Highest horizontal speed of a standing foot, in metres a second. Motions from other sources slide a little.
const STANDING_SPEED: f32 = 0.5;
/// Largest height of a standing foot above the floor, in metres.
const STANDING_HEIGHT: f32 = 0.05;
/// Longest correction of a foot, in metres.
const REACH: f32 = 0.14;
/// Time over which a correction starts and ends, in seconds.
const EASE: f32 = 0.16;

/// Bends the legs so that standing feet stay in place and on the floor.
pub(crate) fn plant_feet(character: &Character, figures: &mut [Figure], times: &[f32]) {
    use Bone::*;
    let skeleton = character.skeleton();
    for (limb, toes) in [([LeftThigh, LeftCalf, LeftFoot], LeftToes), ([RightThigh, RightCalf, RightFoot], RightToes)] {
        let ball = skeleton.joint_or_above(toes);
        let sole = feet(character, [limb[2], toes]);
        let tracks: Vec<(Vec3, f32)> = figures
            .iter()
            .map(|figure| {
                let posed = figure.posed(skeleton);
                (posed.joint(ball), height_of_lowest(character, &posed, &sole))
            })
            .collect();
        let moves = corrections(&tracks, times);
        for (figure, way) in figures.iter_mut().zip(moves) {
            if way.length() < 1e-4 {
                continue;
            }
            let posed = figure.posed(skeleton);
            let [hip, knee, ankle] = limb.map(|bone| posed.joint(skeleton.joint_or_above(bone)));
            let front = figure.turns[Pelvis as usize].rotate(Vec3::new(0.0, 0.0, 1.0));
            let pole = knee - hip.lerp(ankle, 0.5) + front * 0.03;
            figure.reach(skeleton, limb, ankle + way, pole);
        }
    }
}

/// The vertices of one foot that can touch the ground.
fn feet(character: &Character, bones: [Bone; 2]) -> Vec<u32> {
    let joints = bones.map(|bone| character.skeleton().joint_or_above(bone) as u16);
    let of_foot = |corner: &u32| joints.contains(&character.mesh().joints[*corner as usize][0]);
    character.soles().iter().copied().filter(of_foot).collect()
}

/// The correction of the foot at each instant, from the position of its ball and the height of its lowest vertex.
fn corrections(tracks: &[(Vec3, f32)], times: &[f32]) -> Vec<Vec3> {
    let count = tracks.len();
    let level = |vector: Vec3| Vec3::new(vector.x, 0.0, vector.z);
    let stands: Vec<bool> = (0..count)
        .map(|at| {
            let (before, after) = (at.saturating_sub(1), (at + 1).min(count - 1));
            let seconds = times[after] - times[before];
            let speed = level(tracks[after].0 - tracks[before].0).length() / seconds.max(1e-4);
            seconds > 0.0 && speed < STANDING_SPEED && tracks[at].1.abs() < STANDING_HEIGHT
        })
        .collect();
    let mut moves = vec![Vec3::ZERO; count];
    let mut first = 0;
    let mut spans = Vec::new();
    while first < count {
        if !stands[first] {
            first += 1;
            continue;
        }
        let end = (first..count).find(|&at| !stands[at]).unwrap_or(count);
        let sum = tracks[first..end].iter().fold(Vec3::ZERO, |sum, (place, _)| sum + *place);
        let place = sum * (1.0 / (end - first) as f32);
        let whole = (first..end).all(|at| level(place - tracks[at].0).length() < REACH);
        if end - first >= 2 && whole {
            for at in first..end {
                moves[at] = level(place - tracks[at].0) + Vec3::UP * -tracks[at].1;
            }
            spans.push((first, end));
        }
        first = end;
    }
    // A correction fades out before and after the foot stands.
    for &(first, end) in &spans {
        let mut fade = |at: usize, edge: usize| {
            let share = 1.0 - (times[at] - times[edge]).abs() / EASE;
            if share > 0.0 && !stands[at] {
                let way = moves[edge] * share;
                moves[at] += way;
            }
        };
        (0..first).for_each(|at| fade(at, first));
        (end..count).for_each(|at| fade(at, end - 1));
    }
    moves
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_and_slopes_are_taken_back_and_jumps_are_kept() {
        let close = |found: Vec<f32>, expected: &[f32]| {
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
        };
        close(drops(&[0.2, 0.25, 0.2], &[0.0, 0.4, 0.8]), &[0.2, 0.25, 0.2]);
        close(drops(&[0.0, 0.0, 0.5, 0.0, 0.0], &[0.0, 0.4, 0.8, 1.2, 1.6]), &[0.0, 0.0, STEP, 0.0, 0.0]);
        // Never below the ground.
        let lows = [0.0, 0.1, 0.3, 0.35, 0.2, 0.0];
        assert!(drops(&lows, &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]).iter().zip(lows).all(|(drop, low)| *drop <= low + 1e-6));
    }

    #[test]
    fn a_sliding_foot_stands_still_and_a_swinging_one_swings() {
        let times: Vec<f32> = (0..8).map(|at| at as f32 * 0.1).collect();
        // The foot slides by 1 cm for four instants, then steps by 30 cm at each instant.
        let slide = |at: usize| if at < 4 { 0.01 * at as f32 } else { 0.03 + 0.3 * (at - 3) as f32 };
        let tracks: Vec<(Vec3, f32)> =
            (0..8).map(|at| (Vec3::new(slide(at), 0.02, 0.0), if at < 4 { 0.01 } else { 0.1 })).collect();
        let moved: Vec<Vec3> =
            corrections(&tracks, &times).iter().zip(&tracks).map(|(way, (place, _))| *place + *way).collect();
        assert!((moved[0] - moved[2]).length() < 1e-5, "{moved:?}");
        assert!((moved[0].y - 0.01).abs() < 1e-5, "{moved:?}");
        assert_eq!(moved[7], tracks[7].0);
    }
}
