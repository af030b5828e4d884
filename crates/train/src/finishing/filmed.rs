//! Makes training samples for the finisher from filmed clips, in which a person replaces itself. The character's
//! picture is cut out of a frame of the same clip, as far away in time as possible. The clip is both the driving video
//! and the ground truth.

use draft::body::retarget::{Factors, retarget};
use draft::clip::{DraftClip, drafts};
use draft::drafter::DraftConfig;
use draft::puppet::Puppet;
use draft::puppet::cutout::Cutout;
use finish::planes::character_planes;
use perception::pose::Pose;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::sample::{Sample, SampleConfig, frame_planes, window};
use crate::videos::PreparedClip;

/// An excerpt of a clip; none where it is too short, or nothing can be drafted.
pub(super) fn sample(clip: &PreparedClip, config: &SampleConfig, random: &mut ChaCha8Rng) -> Option<Sample> {
    let (count, frames) = (clip.frames.len(), config.frames);
    if count <= frames {
        return None;
    }
    // 1. The driving signals, as perceived.
    let start = random.random_range(0..=count - frames);
    let range = start..start + frames;
    let driving: Vec<Option<Pose>> = clip.note.poses[range.clone()].iter().cloned().map(Some).collect();
    let holes = clip.holes()[range.clone()].to_vec();
    // 2. The character.
    let far = farthest(start, frames, count);
    let (picture, mask, pose) = (&clip.frames[far], &clip.persons[far], &clip.note.poses[far]);
    let puppet = Puppet::new(Cutout::new(picture, mask, Some(pose))?);
    // 3. Drafts, with the poses as they are, or retargeted to the character as in a real run.
    let is_exact = random.random_bool(config.exact_pose_share);
    let poses = if is_exact || !puppet.is_jointed() {
        driving.clone()
    } else {
        let factors = Factors::between(&puppet, &driving, clip.note.size, 1.0, 1.0);
        retarget(&driving, &factors, &vec![[false; 2]; frames], clip.note.size)
    };
    let of_clip = DraftClip {
        frames: &clip.frames[range.clone()],
        plates: &clip.plates[range.clone()],
        holes: &holes,
        persons: &clip.persons[range.clone()],
        driving_poses: &driving,
        poses: &poses,
        objects: &[],
    };
    let drafts = drafts(&of_clip, vec![puppet], DraftConfig::default());
    // 4. One window for all frames.
    let region = window(&drafts, &poses, clip.note.size, config, random)?;
    let truth = (&clip.frames[range.clone()], &clip.persons[range]);
    let frames = frame_planes(&drafts, &holes, &poses, truth, region, config.size);
    Some(Sample { frames, character: character_planes(picture, mask, Some(pose), config.size) })
}

/// The frame, of `count` in the clip, that is farthest from the `frames` frames from `start` on.
fn farthest(start: usize, frames: usize, count: usize) -> usize {
    if start >= count - (start + frames) { 0 } else { count - 1 }
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::finishing::sample::FRAME_PLANES;
    use crate::videos::tests::made_clip;

    #[test]
    fn a_filmed_person_takes_its_own_place() {
        let config = SampleConfig { size: 32, frames: 3, ..SampleConfig::default() };
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let made = sample(&made_clip("0", 8), &config, &mut random).unwrap();
        assert_eq!(made.frames.len(), 3 * FRAME_PLANES * 32 * 32);
        assert_eq!(made.character.len(), finish::planes::CHARACTER_PLANES * 32 * 32);
        let plane = |index: usize| &made.frames[index * 32 * 32..][..32 * 32];
        // Where the person really is, the truth has its red.
        let truth = plane(FRAME_PLANES - 4).iter().zip(plane(FRAME_PLANES - 1));
        assert!(truth.clone().any(|(_, person)| *person == 255));
        assert!(truth.filter(|(_, person)| **person == 255).all(|(red, _)| *red > 200));
        assert!(sample(&made_clip("0", 3), &config, &mut random).is_none(), "no frame is left for the reference");
    }

    #[test]
    fn the_reference_is_never_one_of_the_frames() {
        assert_eq!([farthest(0, 4, 16), farthest(12, 4, 16), farthest(1, 4, 6)], [15, 0, 0]);
        for (start, count) in (5..20).flat_map(|count| (0..=count - 4).map(move |start| (start, count))) {
            assert!(!(start..start + 4).contains(&farthest(start, 4, count)), "{start} of {count}");
        }
    }
}
