//! Renders one picture of a clip: draws person and prop over the plate, with their shadows and masks.

use media::picture::{DepthMap, Mask, Picture};
use perception::pose::Pose;

use crate::light::LightTable;
use crate::linear::Affine;
use crate::render::actor::{Actor, DrawnProp, ball, blockers};
use crate::render::layer::Moved;
use crate::render::paint::Painter;
use crate::render::pixel::{Canvas, PERSON, PROP, Painters, Seen};
use crate::render::plate::Plate;
use crate::render::pose_in_picture::project_pose;
use crate::render::raster::{NOTHING, Samples};
use crate::render::sample::{PER_PIXEL, SAMPLES, coverage, sample_place};
use crate::render::shadow::ShadowMap;

/// Memory that is reused from frame to frame.
#[derive(Default)]
pub(crate) struct Scratch {
    maps: Vec<Affine>,
    person: Moved,
    prop: Moved,
    samples: Samples,
    shadow: ShadowMap,
}

/// The data of one picture of one identity.
pub(crate) struct Rendered {
    pub(crate) picture: Picture,
    /// Visible part of the person.
    pub(crate) person: Mask,
    /// The person as if nothing were in front of it.
    pub(crate) whole: Mask,
    /// Visible part of the prop in use.
    pub(crate) object: Mask,
    /// Visible parts of furniture and bystanders.
    pub(crate) scenery: Vec<Mask>,
    pub(crate) depth: DepthMap,
    pub(crate) pose: Pose,
}

/// The data of one instant: the empty scene, and each identity in it.
pub(crate) struct Exposed {
    pub(crate) plate: Picture,
    pub(crate) plate_depth: DepthMap,
    pub(crate) parts: Vec<Rendered>,
}

impl Scratch {
    /// Moves the vertices of person and prop, and draws what the sun sees of them.
    fn place(&mut self, plate: &Plate, actor: &Actor<'_>, prop: Option<&DrawnProp<'_>>, light: &LightTable) {
        let (skeleton, mesh) = (actor.character.skeleton(), actor.character.mesh());
        let Self { maps, person, prop: held, shadow, .. } = self;
        maps.clear();
        maps.extend((0..skeleton.joints.len()).map(|joint| actor.posed.scene_from_rest(skeleton, joint)));
        person.update(mesh, maps, &plate.view, light);
        if let Some(prop) = prop {
            held.update(prop.mesh, &[prop.scene_from_prop], &plate.view, light);
        }
        let (centre, radius) = ball(actor.posed.joints(), prop.map(|_| held.scene.as_slice()));
        shadow.begin(centre, radius, light.sun_direction, blockers(actor.character, actor.posed));
        person.draw_shadow(mesh, shadow);
        if let Some(prop) = prop {
            held.draw_shadow(prop.mesh, shadow);
        }
    }

    /// Draws what the camera sees. Returns the mask of the person as if nothing hid it.
    fn look(&mut self, plate: &Plate, actor: &Actor<'_>, prop: Option<&DrawnProp<'_>>) -> Mask {
        let (width, height) = plate.picture.size();
        let samples = &mut self.samples;
        samples.clear(width * SAMPLES, height * SAMPLES, true);
        self.person.draw(actor.character.mesh(), PERSON, &plate.view, samples);
        let whole = covered(samples, (width, height));
        if let Some(prop) = prop {
            self.prop.draw(prop.mesh, PROP, &plate.view, samples);
        }
        if let Some(extras) = plate.extras.as_deref() {
            hide_behind(samples, &extras.samples);
        }
        whole
    }
}

/// Draws `actor` and what it holds over `plate`.
pub(crate) fn render(
    plate: &Plate,
    actor: &Actor<'_>,
    prop: Option<&DrawnProp<'_>>,
    light: &LightTable,
    shadows: bool,
    scratch: &mut Scratch,
) -> Rendered {
    scratch.place(plate, actor, prop, light);
    let whole = scratch.look(plate, actor, prop);
    let seen = Seen { plate, samples: &scratch.samples, shadow: &scratch.shadow, shadows };
    let mut painters = Painters {
        person: Painter::new(&scratch.person, actor.character.mesh(), actor.tints, light),
        prop: prop.map(|prop| Painter::new(&scratch.prop, prop.mesh, prop.tints, light)),
    };
    let mut canvas = Canvas::new(plate);
    let (width, height) = plate.picture.size();
    for y in 0..height {
        for x in 0..width {
            canvas.paint((x, y), width, &seen, &mut painters);
        }
    }
    let pose = project_pose(&plate.view, actor, &canvas.depth);
    let Canvas { picture, depth, person, object, scenery } = canvas;
    Rendered { picture, person, whole, object, scenery, depth, pose }
}

/// Total coverage of each pixel.
fn covered(samples: &Samples, (width, height): (usize, usize)) -> Mask {
    let mut mask = Mask::filled(width, height, 0);
    let [left, top, right, bottom] = samples.touched;
    for y in top / SAMPLES..bottom.div_ceil(SAMPLES) {
        for x in left / SAMPLES..right.div_ceil(SAMPLES) {
            let count = (0..PER_PIXEL).filter(|&sample| {
                let (column, row) = sample_place(x, y, sample);
                samples.id[row * samples.width + column] != NOTHING
            });
            mask.set(x, y, coverage(count.count() as u32));
        }
    }
    mask
}

/// Removes samples behind furniture and bystanders.
fn hide_behind(samples: &mut Samples, extras: &Samples) {
    let [left, top, right, bottom] = samples.touched;
    for row in top..bottom {
        for place in row * samples.width + left..row * samples.width + right {
            if extras.nearness[place] > samples.nearness[place] {
                (samples.nearness[place], samples.id[place]) = (0.0, NOTHING);
            }
        }
    }
}
