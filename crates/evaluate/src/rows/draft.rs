//! Rows `draft` and `draft4`: the warped reference over the clean plate (crate `draft`), from one or four references.

use draft::cutout::Cutout;
use draft::drafter::{DraftConfig, DraftInput, Drafter};
use draft::plate::PlateFrame;
use draft::puppet::Puppet;
use draft::retarget::{Factors, PROPORTIONS, retarget};
use draft::scale::smooth_scales;
use media::picture::{Mask, Picture};
use perception::region_path::person_box;

use crate::case::Case;
use crate::error::EvaluateError;

/// Raise it whenever the drafts change, so that old measurements are not kept.
pub(crate) const VERSION: u32 = 2;

/// The drafts of every frame from the first `references` references of the case (fewer if it has fewer).
pub(crate) fn make(case: &Case, references: usize) -> Result<Vec<Picture>, EvaluateError> {
    let cutouts = case
        .references
        .iter()
        .take(references)
        .filter_map(|reference| Cutout::new(&reference.picture, &reference.mask, reference.pose.as_ref()));
    let puppets: Vec<Puppet> = cutouts.map(Puppet::new).collect();
    let (width, height) = case.size();
    let mut poses = case.poses.clone();
    if let Some(puppet) = puppets.iter().find(|puppet| puppet.is_jointed()) {
        let factors = Factors::between(puppet, &poses, case.size(), PROPORTIONS, 1.0);
        poses = retarget(&poses, &factors, &vec![[false; 2]; case.poses.len()]);
    }
    let scales: Vec<Vec<Option<f32>>> =
        puppets.iter().map(|puppet| smooth_scales(puppet, &poses, case.size())).collect();
    let mut drafter = Drafter::new(puppets, DraftConfig::default());
    let drafts = case.frames.iter().zip(case.plates()).enumerate().map(|(index, (source, plate))| {
        let plate = PlateFrame { picture: plate.clone(), seen: Mask::filled(width, height, 255) };
        let of_frame: Vec<Option<f32>> = scales.iter().map(|scales| scales[index]).collect();
        let pose = poses[index].as_ref();
        let objects = case.objects.get(index).cloned();
        let person = person_box(Some(&case.persons[index]), pose, (width as u32, height as u32));
        let input = DraftInput {
            source,
            plate: &plate,
            hole: &case.holes[index],
            person: &case.persons[index],
            person_box: person,
            driving_pose: case.poses[index].as_ref(),
            pose,
            objects: objects.as_slice(),
            scales: &of_frame,
            starts_shot: index == 0,
        };
        drafter.push(&input).picture
    });
    Ok(drafts.collect())
}
