//! Makes trials with the renderer, from assets that are never used in training.

use perception::pose::Pose;
use stage::{Assets, ClipSettings, ClipSpec, Passes, Split, Take, render_parts, seed_of};

use super::definition::SuiteDefinition;
use crate::case::{Case, DrivingClip, Reference, Trial, Truth};
use crate::error::EvaluateError;

/// Number of pictures of each identity.
const REFERENCES: usize = 4;

/// Renders a trial. Where the character is another than the driver, the clip drives and its identity-swapped pair is the truth; else the clip is
/// both. All suites of a kind show the same clips.
pub(super) fn trial(
    is_cross: bool,
    index: u64,
    definition: &SuiteDefinition,
    assets: &Assets,
) -> Result<Trial, EvaluateError> {
    let kind = seed_name(is_cross);
    let clip_settings = ClipSettings {
        width: definition.size,
        height: definition.size,
        frames: definition.frames,
        split: Some(Split::Test),
        swapped: is_cross,
        references: REFERENCES,
        ..ClipSettings::default()
    };
    let spec = ClipSpec::draw(seed_of(&format!("evaluate {kind}"), index), assets, &clip_settings)?;
    let clip = render_parts(&spec, assets, Passes { swapped: is_cross, references: true })?;
    let objects = |take: &Take| if spec.prop.is_some() { take.object.clone() } else { Vec::new() };
    let (driver, shown) = (&clip.take, clip.swapped.as_ref().unwrap_or(&clip.take));
    let driving = DrivingClip {
        frames: driver.frames.clone(),
        persons: driver.person.clone(),
        poses: known(&driver.poses),
        objects: objects(driver),
    };
    let case = Case::new(format!("{} {index}", definition.name), driving, references(shown))
        .with_stature(shown.height / driver.height);
    let truth = Truth {
        frames: shown.frames.clone(),
        persons: shown.person.clone(),
        poses: known(&shown.poses),
        objects: objects(shown),
        holes: case.holes.clone(),
    };
    Ok(Trial::new(case, truth))
}

/// The name from which the seeds of all clips of a kind are made.
pub(super) fn seed_name(is_cross: bool) -> &'static str {
    if is_cross { "stage-cross" } else { "stage-self" }
}

fn known(poses: &[Pose]) -> Vec<Option<Pose>> {
    poses.iter().cloned().map(Some).collect()
}

fn references(take: &Take) -> Vec<Reference> {
    let masks = take.reference_masks.iter().zip(&take.reference_poses);
    let pictures = take.references.iter().zip(masks);
    pictures
        .map(|(picture, (mask, pose))| Reference {
            picture: picture.clone(),
            mask: mask.clone(),
            pose: Some(pose.clone()),
        })
        .collect()
}
