//! Makes the drafts of a complete clip whose signals and plates are known, for evaluation and training. For a video,
//! use [`Drafter`], which works frame by frame.

use media::picture::{Mask, Picture};
use perception::pose::Pose;
use perception::region_path::person_box;

use crate::drafter::{Draft, DraftConfig, DraftInput, Drafter};
use crate::plate::PlateFrame;
use crate::puppet::Puppet;
use crate::scale::smooth_scales;

/// The signals of a clip. Lists have one entry for each frame, and pictures and masks have one size.
#[derive(Debug, Clone, Copy)]
pub struct DraftClip<'a> {
    /// The driving frames.
    pub frames: &'a [Picture],
    /// The frames without the person.
    pub plates: &'a [PlateFrame],
    /// The removed region, 0 or 255.
    pub holes: &'a [Mask],
    /// Coverage by the driving person.
    pub persons: &'a [Mask],
    /// The driving person's poses.
    pub driving_poses: &'a [Option<Pose>],
    /// The character's poses.
    pub poses: &'a [Option<Pose>],
    /// Coverage by the object in use, or empty.
    pub objects: &'a [Mask],
}

/// The draft of every frame.
///
/// # Panics
/// When lists or sizes differ.
pub fn drafts(clip: &DraftClip<'_>, puppets: Vec<Puppet>, config: DraftConfig) -> Vec<Draft> {
    let Some(size) = clip.frames.first().map(Picture::size) else { return vec![] };
    let scales: Vec<_> = puppets.iter().map(|puppet| smooth_scales(puppet, clip.poses, size)).collect();
    let mut drafter = Drafter::new(puppets, config);
    let draft = |(index, source): (usize, &Picture)| {
        let of_frame: Vec<Option<f32>> = scales.iter().map(|scales| scales[index]).collect();
        let pose = clip.poses[index].as_ref();
        drafter.push(&DraftInput {
            source,
            plate: &clip.plates[index],
            hole: &clip.holes[index],
            person: &clip.persons[index],
            person_box: person_box(Some(&clip.persons[index]), pose, (size.0 as u32, size.1 as u32)),
            driving_pose: clip.driving_poses[index].as_ref(),
            pose,
            objects: clip.objects.get(index).map_or(&[], std::slice::from_ref),
            scales: &of_frame,
            starts_shot: index == 0,
        })
    };
    clip.frames.iter().enumerate().map(draft).collect()
}
