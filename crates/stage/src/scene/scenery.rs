//! Chooses the place of a scene and its light: a video, a panorama, or a room that encloses the given bounds.

use std::sync::Arc;

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use crate::assets::collection::{Assets, Named};
use crate::assets::panorama::Panorama;
use crate::assets::use_class::{Home, words_of};
use crate::assets::video::Video;
use crate::camera::Camera;
use crate::colour::hsv;
use crate::error::StageError;
use crate::light::{Light, LightTable};
use crate::linear::Vec3;
use crate::settings::ClipSettings;
use crate::spec::{Backdrop, Covering, SceneSpec};
use crate::split::Split;
use crate::texture::Texture;
use crate::trig::Exact;

/// Assets of a list that may appear in `split`.
pub(crate) fn allowed<T>(list: &[Named<T>], split: Option<Split>) -> Vec<&Named<T>> {
    list.iter().filter(|named| split.is_none_or(|split| named.split == split)).collect()
}

/// A seed for something generated that belongs to `split`. It is small enough for JSON readers that only support
/// floats.
pub(crate) fn made_up(random: &mut ChaCha8Rng, split: Option<Split>) -> u64 {
    let seed = random.random_range(0..1u64 << 46) * 20;
    seed + match split {
        None => random.random_range(0..20),
        Some(Split::Train) => random.random_range(0..12),
        Some(Split::Val) => random.random_range(12..15),
        Some(Split::Test) => random.random_range(15..20),
    }
}

/// Words in names of textures that are not used as indoor floors, or as outdoor ground.
const GROUNDS: [&str; 16] = [
    "grass", "rock", "rocks", "sand", "soil", "dirt", "gravel", "mud", "forest", "snow", "moss", "leaves", "asphalt",
    "road", "ground", "field",
];
const FLOORS: [&str; 10] =
    ["wood", "parquet", "planks", "carpet", "rug", "linoleum", "laminate", "tiles", "marble", "gold"];

fn covering(
    random: &mut ChaCha8Rng,
    assets: &Assets,
    settings: &ClipSettings,
    home: Home,
    made_up_share: f64,
) -> Covering {
    let suits = |named: &&Named<Texture>| {
        let words = words_of(&named.id);
        let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
        match home {
            Home::Indoors => !has(&GROUNDS),
            Home::Outdoors => !has(&FLOORS),
            Home::Anywhere => true,
        }
    };
    let loaded: Vec<_> = allowed(&assets.textures, settings.split).into_iter().filter(suits).collect();
    let (texture, colourful) = match loaded.choose(random) {
        Some(named) if !random.random_bool(made_up_share) => (named.id.clone(), 0.1),
        _ => (format!("pattern/{}", made_up(random, settings.split)), 0.22),
    };
    let gain = random.random_range(0.7..1.25);
    let cast = hsv(random.random_range(0.0..6.0), random.random_range(0.0..colourful), 1.0);
    Covering {
        texture,
        metres: random.random_range(0.8..2.8),
        turn: if random.random_bool(0.7) { 0.0 } else { random.random_range(0.0..std::f32::consts::TAU) },
        tint: cast.map(|value| value * gain),
    }
}

/// The kind of place, which is known before anybody acts there.
#[derive(Debug, Clone)]
pub(crate) enum Setting {
    Room,
    Panorama { id: String, panorama: Arc<Panorama> },
    Video { id: String, video: Arc<Video> },
}

impl Setting {
    /// A video or a room in a share of the clips, otherwise a panorama. Without videos, no random number is drawn for
    /// them.
    pub(crate) fn draw(random: &mut ChaCha8Rng, assets: &Assets, settings: &ClipSettings) -> Result<Self, StageError> {
        let videos = allowed(&assets.videos, settings.split);
        if !videos.is_empty()
            && random.random_bool(f64::from(settings.video_share.clamp(0.0, 1.0)))
            && let Some(named) = videos.choose(random)
        {
            return Ok(Self::Video { id: named.id.clone(), video: named.item.clone() });
        }
        if random.random_bool(f64::from(settings.room_share.clamp(0.0, 1.0))) {
            return Ok(Self::Room);
        }
        let id = match allowed(&assets.panoramas, settings.split).choose(random) {
            Some(named) => named.id.clone(),
            None => format!("sky/{}", made_up(random, settings.split)),
        };
        let panorama = assets.panorama(&id)?;
        Ok(Self::Panorama { id, panorama })
    }

    /// True if the scene was filmed by an unknown camera. Then the renderer's own camera must stand still, and nothing
    /// else may stand on the moving ground.
    pub(crate) fn is_video(&self) -> bool {
        matches!(self, Self::Video { .. })
    }

    /// What may stand there.
    pub(crate) fn home(&self) -> Home {
        match self {
            Self::Panorama { panorama, .. } if panorama.open => Home::Outdoors,
            Self::Video { video, .. } if video.open => Home::Outdoors,
            Self::Video { .. } => Home::Anywhere,
            _ => Home::Indoors,
        }
    }
}

/// A video, a panorama or a room, with its light.
pub(crate) fn scene(
    random: &mut ChaCha8Rng,
    assets: &Assets,
    settings: &ClipSettings,
    setting: &Setting,
    cameras: &[Camera],
    (low, high): (Vec3, Vec3),
) -> Result<SceneSpec, StageError> {
    let (id, panorama) = match setting {
        Setting::Room => return room(random, assets, settings, cameras, (low, high)),
        Setting::Video { id, video } => return Ok(filmed(random, settings, id, video, cameras)),
        Setting::Panorama { id, panorama } => (id, panorama),
    };
    let level = panorama.light[0].iter().sum::<f32>() / 3.0 * 0.282_095;
    let gain = (random.random_range(0.85..1.1) / level.max(0.05)).clamp(0.6, 1.8);
    let light = Light::from_panorama(&panorama.light, panorama.brightest, random.random_range(0.35..0.8), gain);
    let mut ground = random.random_bool(0.5).then(|| covering(random, assets, settings, setting.home(), 0.2));
    if let Some(ground) = &mut ground {
        expose(ground, assets, &light, UPWARDS)?;
    }
    let backdrop = Backdrop::Panorama { panorama: id.clone(), taken_at: random.random_range(1.4..2.2), ground };
    Ok(SceneSpec { backdrop, light })
}

/// A part of a video, with light of about its colour and strength.
fn filmed(random: &mut ChaCha8Rng, settings: &ClipSettings, id: &str, video: &Video, cameras: &[Camera]) -> SceneSpec {
    let (last, way) = (video.frames().len() - 1, settings.frames.saturating_sub(1));
    let step = if 2 * way <= last && random.random_bool(0.4) { 2 } else { 1 };
    let start = random.random_range(0..=last.saturating_sub(way * step));
    let zoom = random.random_range(0.7..1.0);
    // The lower half is preferred, because the ground is there.
    let place = [random.random_range(0.0..1.0), random.random_range(0.5..1.0)];
    let mut light = lamp(random, azimuth_of(cameras));
    let level = (video.mean.iter().sum::<f32>() / 3.0).max(0.01);
    // Grey is about 0.2. Dark films dim the person a little, and their colour tints it by half.
    let gain = (level / 0.2).sqrt().clamp(0.65, 1.15);
    for channel in 0..3 {
        let factor = gain * (0.5 + 0.5 * (video.mean[channel] / level).clamp(0.6, 1.5));
        light.sun[channel] *= factor;
        light.around.iter_mut().for_each(|coefficient| coefficient[channel] *= factor);
    }
    SceneSpec { backdrop: Backdrop::Video { video: id.to_owned(), start, step, zoom, place }, light }
}

/// Direction from the view's centre to the first camera, about the vertical.
fn azimuth_of(cameras: &[Camera]) -> f32 {
    cameras.first().map_or(0.0, |camera| {
        let way = camera.eye - camera.target;
        way.x.angle_with(way.z)
    })
}

fn room(
    random: &mut ChaCha8Rng,
    assets: &Assets,
    settings: &ClipSettings,
    cameras: &[Camera],
    (low, high): (Vec3, Vec3),
) -> Result<SceneSpec, StageError> {
    let (low, high) =
        cameras.iter().fold((low, high), |(low, high), camera| (low.min(camera.eye), high.max(camera.eye)));
    let mut margin = || random.random_range(0.5..2.6);
    let low = Vec3::new(low.x - margin(), 0.0, low.z - margin());
    let high = Vec3::new(high.x + margin(), (high.y + 0.25).max(2.2 + 0.4 * margin()), high.z + margin());
    let ceiling = random.random_range(0.5..0.8);
    let mut wall = covering(random, assets, settings, Home::Indoors, 0.9);
    let mut floor = covering(random, assets, settings, Home::Indoors, 0.4);
    let skirting = if random.random_bool(0.5) { random.random_range(0.06..0.14) } else { 0.0 };
    let azimuth = azimuth_of(cameras);
    let light = lamp(random, azimuth);
    expose(&mut floor, assets, &light, UPWARDS)?;
    expose(&mut wall, assets, &light, if azimuth.cosine().abs() > 0.7 { 4 } else { 0 })?;
    let backdrop = Backdrop::Room { low, high, floor, wall, ceiling: [ceiling; 3], skirting };
    Ok(SceneSpec { backdrop, light })
}

/// Index of the floor's normal in [`LightTable::axis`].
const UPWARDS: u8 = 2;

/// Keeps a surface from being overexposed or black under `light`.
fn expose(covering: &mut Covering, assets: &Assets, light: &Light, axis: u8) -> Result<(), StageError> {
    let mean = assets.texture(&covering.texture)?.mean();
    let (bright, _) = LightTable::new(light).axis(axis);
    let level = (0..3).map(|channel| mean[channel] * covering.tint[channel] * bright[channel]).sum::<f32>() / 3.0;
    let factor = level.clamp(0.05, 0.55) / level.max(1e-3);
    covering.tint.iter_mut().for_each(|tint| *tint *= factor);
    Ok(())
}

/// A lamp above and beside the camera at `azimuth`, and surrounding light.
fn lamp(random: &mut ChaCha8Rng, azimuth: f32) -> Light {
    let angle = azimuth + random.random_range(-1.9..1.9f32);
    let rise = random.random_range(0.8..2.2);
    let direction = Vec3::new(angle.sine(), rise, angle.cosine());
    let sun = random.random_range(0.25..0.85);
    let level = random.random_range(0.8..1.1) - 0.55 * sun;
    let mut light = Light::studio(level, direction, sun);
    let warm = random.random_range(-0.12..0.16);
    let cast = [1.0 + warm, 1.0, 1.0 - warm];
    for channel in 0..3 {
        light.sun[channel] *= cast[channel];
        light.around.iter_mut().for_each(|coefficient| coefficient[channel] *= 1.0 + (cast[channel] - 1.0) * 0.5);
    }
    // Walls are not equally bright: one side gets a little more light.
    let side = random.random_range(0.0..std::f32::consts::TAU);
    for channel in 0..3 {
        light.around[3][channel] += 0.35 * level * side.sine();
        light.around[2][channel] += 0.35 * level * side.cosine();
    }
    light
}

/// One flat colour, lit as in a studio.
pub(crate) fn plain(random: &mut ChaCha8Rng, azimuth: f32) -> SceneSpec {
    let colour = match random.random_range(0..5) {
        0 => [0.95; 3],
        1 => [random.random_range(0.3..0.8); 3],
        2 => [random.random_range(0.02..0.2); 3],
        _ => hsv(random.random_range(0.0..6.0), random.random_range(0.1..0.8), random.random_range(0.1..0.9)),
    };
    SceneSpec { backdrop: Backdrop::Plain { colour }, light: lamp(random, azimuth) }
}
