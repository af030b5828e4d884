//! Trials that the stage renders, from assets that no training uses.

use perception::pose::Pose;
use stage::{Assets, ClipSettings, ClipSpec, Split, Take, Wanted, render_parts, seed_of};

use super::{SuiteKind, TrialSettings};
use crate::case::{Case, DrivingClip, Reference, Trial, Truth};
use crate::error::EvaluateError;

/// Pictures of each identity.
const REFERENCES: usize = 4;

/// Renders a trial. `stage-cross`: the clip drives, its twin is the truth. `stage-self`: the clip is both.
pub(super) fn trial(
    kind: SuiteKind,
    index: u64,
    settings: TrialSettings,
    assets: &Assets,
) -> Result<Trial, EvaluateError> {
    let is_cross = kind == SuiteKind::StageCross;
    let clip_settings = ClipSettings {
        width: settings.size,
        height: settings.size,
        frames: settings.frames,
        split: Some(Split::Test),
        twin: is_cross,
        references: REFERENCES,
        ..ClipSettings::default()
    };
    let spec = ClipSpec::draw(seed_of(&format!("evaluate {kind}"), index), assets, &clip_settings)?;
    let clip = render_parts(&spec, assets, Wanted { twin: is_cross, references: true })?;
    let has_object = spec.prop.is_some();
    let driver = clip.take;
    let truth_of = clip.twin.as_ref().unwrap_or(&driver);
    let truth = Truth {
        frames: truth_of.frames.clone(),
        persons: truth_of.person.clone(),
        poses: known(&truth_of.poses),
        objects: if has_object { truth_of.object.clone() } else { Vec::new() },
    };
    let references = references(truth_of);
    let driving = DrivingClip {
        poses: known(&driver.poses),
        frames: driver.frames,
        persons: driver.person,
        objects: if has_object { driver.object } else { Vec::new() },
    };
    Ok(Trial::new(Case::new(format!("{kind} {index}"), driving, references), truth))
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
