//! Measures faults of a clip that are hard to see: how far feet are from the floor, and how deep props penetrate
//! bodies.

use crate::assets::collection::Assets;
use crate::body::pose::height_of_lowest;
use crate::error::StageError;
use crate::scene::acting::{act_out, stance_of};
use crate::scene::volume::{depths, goes_through};
use crate::spec::ClipSpec;

/// Measurements of a clip's person, for each frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// Height of the lowest vertex of the body above the floor, in metres; negative below it.
    pub lowest: Vec<f32>,
    /// Largest depth of the prop in use inside body parts that it must not touch, in metres; 0 without a prop.
    pub depth: Vec<f32>,
    /// True if the prop penetrates the body so often that viewers notice it.
    pub goes_through: bool,
    /// Number of triangles of the person and of the prop in use.
    pub triangles: usize,
}

/// Measures what `spec` describes, without rendering it.
///
/// # Errors
/// When the description names assets that are not loaded.
pub fn audit(spec: &ClipSpec, assets: &Assets) -> Result<Audit, StageError> {
    let seconds = 1.0 / spec.rate.hertz() as f32;
    let times: Vec<f32> = (0..spec.cameras.len()).map(|frame| frame as f32 * seconds).collect();
    let character = assets.cast(&spec.person)?;
    let stance = stance_of(spec.prop.as_ref(), assets)?;
    let poses = act_out(&character, &spec.action, spec.person.scale, stance, &times, assets)?;
    let all: Vec<u32> = (0..character.mesh().positions.len() as u32).collect();
    let lowest = poses.iter().map(|posed| height_of_lowest(&character, posed, &all)).collect();
    let mut triangles = character.triangles();
    let mut depth = vec![0.0; poses.len()];
    if let Some(used) = &spec.prop {
        let prop = assets.prop(&used.prop)?;
        triangles += prop.mesh().triangles.len();
        depth = depths((&character, &poses), &prop, used, seconds);
    }
    Ok(Audit { lowest, goes_through: goes_through(&depth), depth, triangles })
}
