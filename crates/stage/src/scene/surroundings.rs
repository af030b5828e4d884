//! Places furniture and bystanders at random positions around the person.

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use crate::assets::collection::{Assets, Named};
use crate::assets::prop::Prop;
use crate::assets::use_class::Home;
use crate::body::balance::hovers;
use crate::body::pose::Grips;
use crate::body::stance::Stance;
use crate::error::StageError;
use crate::linear::Vec3;
use crate::scene::acting::act_out;
use crate::scene::cast::{action, cast};
use crate::scene::framing::Track;
use crate::scene::placing::{Floor, Footprint};
use crate::scene::scenery::{allowed, made_up};
use crate::seed::fresh;
use crate::settings::ClipSettings;
use crate::spec::{Bystander, Cast, Furniture};
use crate::trig::Exact;

/// The position of something, seen from the camera.
fn spot(random: &mut ChaCha8Rng, floor: &Floor<'_>, before: bool) -> Option<Vec3> {
    let camera = floor.cameras.get(floor.cameras.len() / 2)?;
    let way = Vec3::new(-camera.eye.x, 0.0, -camera.eye.z);
    let (distance, forwards) = (way.length(), way.normalised());
    let side = Vec3::new(forwards.z, 0.0, -forwards.x);
    let half = distance * (camera.field / 2.0).tangent();
    Some(match random.random_range(0..10) {
        // Between camera and person.
        0..4 if before => {
            -forwards * (distance * random.random_range(0.15..0.6)) + side * random.random_range(-half..half)
        }
        // Beside.
        4..6 => forwards * random.random_range(-0.5..0.9) + side * random.random_range(-1.2 * half..1.2 * half),
        // Behind.
        _ => forwards * random.random_range(0.6..3.2) + side * random.random_range(-1.6 * half..1.6 * half),
    })
}

/// Furniture, in a share of the clips. Records in `floor` what is placed.
pub(crate) fn furniture(
    random: &mut ChaCha8Rng,
    assets: &Assets,
    settings: &ClipSettings,
    home: Home,
    floor: &mut Floor<'_>,
) -> Result<Vec<Furniture>, StageError> {
    let mut list = Vec::new();
    if !random.random_bool(f64::from(settings.furniture_share.clamp(0.0, 1.0))) {
        return Ok(list);
    }
    let loaded = allowed(&assets.props, settings.split);
    let suits = |named: &&Named<Prop>| named.item.home().suits(home);
    let fit = loaded.into_iter().filter(suits).filter_map(|named| Some((named, named.item.standing_sizes()?)));
    let fit: Vec<_> = fit.collect();
    for _ in 0..random.random_range(1..=4) {
        let built_in = random.random_bool(0.2);
        let (id, sizes) = match fit.choose(random) {
            Some((named, sizes)) if !built_in => (named.id.clone(), *sizes),
            _ => {
                let id = format!("furniture/{}", made_up(random, settings.split));
                let sizes = assets.prop(&id)?.standing_sizes();
                (id, sizes.unwrap_or((0.5, 0.6)))
            }
        };
        let prop = assets.prop(&id)?;
        if !prop.home().suits(home) {
            continue;
        }
        let size = random.random_range(sizes.0..=sizes.1);
        let half = prop.half(size);
        if half.x.max(half.z) > 1.6 {
            continue;
        }
        for _ in 0..10 {
            let Some(place) = spot(random, floor, true) else { break };
            // Mostly along the walls, and along the axes of the room.
            let heading = match floor.room {
                Some(_) if random.random_bool(0.8) => std::f32::consts::FRAC_PI_2 * random.random_range(0..4) as f32,
                _ => random.random_range(0.0..std::f32::consts::TAU),
            };
            let footprint = floor.pushed_in(Footprint { place, heading, half });
            if floor.shows(&footprint) && floor.takes(&footprint, 0.2, 0.3) {
                floor.taken.push(footprint);
                let appearance = if random.random_bool(0.5) { 0 } else { fresh(random) };
                list.push(Furniture { prop: id, size, place: footprint.place, heading, appearance });
                break;
            }
        }
    }
    Ok(list)
}

/// One or two bystanders, in a share of the clips.
pub(crate) fn bystanders(
    random: &mut ChaCha8Rng,
    assets: &Assets,
    settings: &ClipSettings,
    floor: &mut Floor<'_>,
    casts: &[Cast],
) -> Result<Vec<Bystander>, StageError> {
    let mut list: Vec<Bystander> = Vec::new();
    if !random.random_bool(f64::from(settings.bystander_share.clamp(0.0, 1.0))) {
        return Ok(list);
    }
    let seconds = 1.0 / settings.rate.hertz() as f32;
    let times: Vec<f32> = (0..settings.frames.max(1)).map(|frame| frame as f32 * seconds).collect();
    for _ in 0..random.random_range(1..=2) {
        let who = cast(random, assets, settings);
        let known = casts.iter().chain(list.iter().map(|by| &by.cast)).any(|other| other.character == who.character);
        if known {
            continue;
        }
        let character = assets.cast(&who)?;
        for _ in 0..8 {
            let facing = random.random_range(0.0..std::f32::consts::TAU);
            let action = action(random, assets, settings, facing)?;
            let stance = Stance::Free(Grips::RELAXED_BOTH);
            let poses = act_out(&character, &action, who.scale, stance, &times, assets)?;
            let track = Track::new(&[(&character, &poses)]);
            let Some(place) = spot(random, floor, false) else { break };
            let (low, high) = track.bounds();
            let half = Vec3::new((high.x - low.x) / 2.0 + 0.05, high.y / 2.0, (high.z - low.z) / 2.0 + 0.05);
            let footprint = Footprint { place, heading: 0.0, half };
            let fits = track.upright() && track.travel() < 1.5 && !hovers(&character, &poses, seconds);
            if fits && floor.shows(&footprint) && floor.takes(&footprint, 0.3, 0.2) {
                floor.taken.push(footprint);
                list.push(Bystander { cast: who, action, place });
                break;
            }
        }
    }
    Ok(list)
}
