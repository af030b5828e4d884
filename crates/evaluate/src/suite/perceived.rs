//! Converts a trial to the signals that the program would perceive: poses and masks come from the networks, not from
//! the renderer.

use media::geometry::Pts;
use media::picture::{Mask, Picture};
use perception::perceiver::{Perceiver, PerceiverConfig, PersonModels};
use perception::pose::Pose;

use crate::case::{Case, DrivingClip, Reference, Trial};
use crate::error::EvaluateError;

/// Time between two frames in microseconds; suites have about 15 frames a second.
const FRAME_TIME: i64 = 66_667;

/// Runs perception on the frames and the references. The truth stays exact. Objects are not perceived, so there are
/// none. The character's height cannot be perceived: it stays as the user gives it.
pub(super) fn perceive(exact: Trial, models: &PersonModels) -> Result<Trial, EvaluateError> {
    let Trial { case, truth } = exact;
    let (persons, poses) = look(&case.frames, models)?;
    let references: Result<Vec<Reference>, EvaluateError> = case
        .references
        .into_iter()
        .map(|Reference { picture, .. }| {
            // Each picture is perceived independently.
            let seen = Perceiver::open(models, PerceiverConfig::default())?.push(&picture, Pts(0))?;
            Ok(Reference { picture, mask: seen.person, pose: seen.pose })
        })
        .collect();
    let driving = DrivingClip { frames: case.frames, persons, poses, objects: Vec::new() };
    Ok(Trial::new(Case::new(case.name, driving, references?).with_stature(case.stature), truth))
}

/// Masks and poses of the person in the frames of a clip.
pub(super) fn look(frames: &[Picture], models: &PersonModels) -> Result<(Vec<Mask>, Vec<Option<Pose>>), EvaluateError> {
    let mut perceiver = Perceiver::open(models, PerceiverConfig::default())?;
    let (mut persons, mut poses) = (Vec::new(), Vec::new());
    for (index, frame) in frames.iter().enumerate() {
        let seen = perceiver.push(frame, Pts(index as i64 * FRAME_TIME))?;
        persons.push(seen.person);
        poses.push(seen.pose);
    }
    Ok((persons, poses))
}
