//! Holds all people and props in a clip, with their assets loaded and their poses at every instant.

use std::sync::Arc;

use crate::assets::collection::Assets;
use crate::assets::prop::Prop;
use crate::body::appearance::{Tint, tints_of_character, tints_of_prop};
use crate::body::character::Character;
use crate::body::pose::{Grips, Posed};
use crate::body::stance::Stance;
use crate::error::StageError;
use crate::light::LightTable;
use crate::linear::{Affine, Vec3};
use crate::render::actor::{Actor, DrawnProp, ball, blockers};
use crate::render::backdrop::Surroundings;
use crate::render::frame::{Rendered, Scratch, render};
use crate::render::furnish::{Extra, foot_blockers};
use crate::render::plate::Plate;
use crate::render::take::Take;
use crate::scene::acting::{act_out, stance_of};
use crate::spec::{Backdrop, Cast, ClipSpec, ReferenceSpec};

/// One identity with its poses and its prop.
pub(crate) struct Part {
    character: Arc<Character>,
    scale: f32,
    tints: Vec<Tint>,
    poses: Vec<Posed>,
    used: Option<(Arc<Prop>, Vec<Tint>)>,
}

impl Part {
    pub(crate) fn new(cast: &Cast, spec: &ClipSpec, assets: &Assets, times: &[f32]) -> Result<Self, StageError> {
        let character = assets.cast(cast)?;
        let used = match &spec.prop {
            Some(used) => {
                let prop = assets.prop(&used.prop)?;
                let tints = tints_of_prop(prop.mesh(), used.appearance);
                Some((prop, tints))
            }
            None => None,
        };
        let stance = stance_of(spec.prop.as_ref(), assets)?;
        let poses = act_out(&character, &spec.action, cast.scale, stance, times, assets)?;
        let tints = tints_of_character(&character, cast.appearance);
        Ok(Self { character, scale: cast.scale, tints, poses, used })
    }

    /// A take without pictures. Each frame has `each` instants.
    pub(crate) fn empty_take(&self, spec: &ClipSpec, each: usize) -> Take {
        let skeleton = self.character.skeleton();
        let middles = self.poses.iter().skip(each / 2).step_by(each.max(1));
        let joints = middles
            .map(|posed| self.character.landmarks().body.map(|landmark| posed.landmark(skeleton, &landmark)))
            .collect();
        Take {
            frames: Vec::new(),
            height: self.character.height() * self.scale,
            person: Vec::new(),
            person_whole: Vec::new(),
            object: Vec::new(),
            scenery: vec![Vec::new(); spec.furniture.len() + spec.bystanders.len()],
            depth: Vec::new(),
            poses: Vec::new(),
            joints,
            references: Vec::new(),
            reference_masks: Vec::new(),
            reference_poses: Vec::new(),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "everything that one picture depends on")]
    pub(crate) fn frame(
        &self,
        index: usize,
        time: f32,
        spec: &ClipSpec,
        plate: &Plate,
        light: &LightTable,
        shadows: bool,
        scratch: &mut Scratch,
    ) -> Rendered {
        let posed = &self.poses[index];
        let drawn = self.used.as_ref().zip(spec.prop.as_ref()).map(|((prop, tints), used)| DrawnProp {
            mesh: prop.mesh(),
            tints,
            scene_from_prop: prop.in_use(&self.character, posed, used, time),
        });
        let actor = Actor { character: &self.character, tints: &self.tints, posed };
        render(plate, &actor, drawn.as_ref(), light, shadows, scratch)
    }

    pub(crate) fn reference(
        &self,
        reference: &ReferenceSpec,
        size: (usize, usize),
        assets: &Assets,
    ) -> Result<Rendered, StageError> {
        let surroundings = Surroundings::of(&reference.scene, assets)?;
        let light = LightTable::new(&reference.scene.light);
        let plate = Plate::new(&reference.camera, size, &surroundings, &light).showing(surroundings.picture(0, size));
        let stance = Stance::Free(Grips::RELAXED_BOTH);
        let poses = act_out(&self.character, &reference.action, self.scale, stance, &[0.0], assets)?;
        let actor = Actor { character: &self.character, tints: &self.tints, posed: &poses[0] };
        let shadows = !matches!(reference.scene.backdrop, Backdrop::Plain { .. });
        Ok(render(&plate, &actor, None, &light, shadows, &mut Scratch::default()))
    }
}

/// A piece of furniture or a bystander, at every instant.
pub(crate) enum Stander {
    Furniture { prop: Arc<Prop>, tints: Vec<Tint>, map: Affine, half: Vec3 },
    Somebody { character: Arc<Character>, tints: Vec<Tint>, poses: Vec<Posed> },
}

impl Stander {
    pub(crate) fn all(spec: &ClipSpec, assets: &Assets, times: &[f32]) -> Result<Vec<Self>, StageError> {
        let mut all = Vec::new();
        for piece in &spec.furniture {
            let prop = assets.prop(&piece.prop)?;
            let tints = tints_of_prop(prop.mesh(), piece.appearance);
            let (map, half) = (prop.standing(piece.size, piece.place, piece.heading), prop.half(piece.size));
            all.push(Self::Furniture { prop, tints, map, half });
        }
        for by in &spec.bystanders {
            let character = assets.cast(&by.cast)?;
            let tints = tints_of_character(&character, by.cast.appearance);
            let stance = Stance::Free(Grips::RELAXED_BOTH);
            let mut poses = act_out(&character, &by.action, by.cast.scale, stance, times, assets)?;
            poses.iter_mut().for_each(|pose| pose.shift(by.place));
            all.push(Self::Somebody { character, tints, poses });
        }
        Ok(all)
    }

    pub(crate) fn extra(&self, index: usize) -> Extra<'_> {
        match self {
            Self::Furniture { prop, tints, map, half } => Extra {
                mesh: prop.mesh(),
                tints,
                maps: vec![*map],
                blockers: foot_blockers(*half, map),
                ball: (map.origin, half.length() + 0.05),
            },
            Self::Somebody { character, tints, poses } => {
                let (skeleton, posed) = (character.skeleton(), &poses[index]);
                Extra {
                    mesh: character.mesh(),
                    tints,
                    maps: (0..skeleton.joints.len()).map(|joint| posed.scene_from_rest(skeleton, joint)).collect(),
                    blockers: blockers(character, posed).collect(),
                    ball: ball(posed.joints(), None),
                }
            }
        }
    }
}
