//! Renders a walk: the positions of the feet, the times at which they touch the ground, and the character that replaces
//! the driver.

use std::error::Error;

use draft::puppet::Puppet;
use draft::puppet::cutout::Cutout;
use perception::pose::{Joint, Keypoint, Pose};
use stage::{Assets, Backdrop, Camera, ClipSettings, ClipSpec, Passes, Split, Vec3, render_parts};

pub(crate) const SIZE: (usize, usize) = (256, 256);
pub(crate) const FRAMES: usize = 20;
/// Highest speed of a foot point in contact, in metres a second.
pub(crate) const STILL: f32 = 0.3;
/// Largest height of a point in contact above its lowest position, in metres.
pub(crate) const LOW: f32 = 0.03;
/// Shortest path of the hips in a clip that counts as a walk, in metres.
pub(crate) const TRAVEL: f32 = 0.5;
/// Words in the names of walking motions.
const GAITS: [&str; 3] = ["walk", "run", "jog"];
/// Heights of the characters in metres.
pub(crate) const HEIGHTS: (f32, f32) = (1.3, 2.1);
/// Points of a foot: ankle, toe, heel.
pub(crate) const POINTS: usize = 3;

/// The points of one foot for each frame, on the screen and in the scene.
pub(crate) type Track = Vec<[(Keypoint, Vec3); POINTS]>;

/// A driving clip with a character for it.
pub(crate) struct Walk {
    pub(crate) motion: String,
    pub(crate) poses: Vec<Option<Pose>>,
    pub(crate) cameras: Vec<Camera>,
    /// Distance of the driver's hips from the camera plane, in metres.
    pub(crate) hip_depths: Vec<f32>,
    /// Tracks of the right and the left foot.
    pub(crate) feet: [Track; 2],
    /// Where ankle and toe are in contact, for each foot.
    pub(crate) contacts: [[Vec<bool>; 2]; 2],
    pub(crate) puppet: Puppet,
    /// Height of the character in metres.
    pub(crate) height: f32,
    /// The same relative to the driver's height.
    pub(crate) size: f32,
}

/// Focal length in pixels.
pub(crate) fn focal(camera: &Camera) -> f32 {
    SIZE.1 as f32 / 2.0 / (camera.field / 2.0).tan()
}

/// The point of the scene at `place` of the picture. Its depth is relative to hips at `hip_depth` metres.
pub(crate) fn scene_from_pose(camera: &Camera, hip_depth: f32, place: Keypoint) -> Vec3 {
    let focal = focal(camera);
    let forward = (camera.target - camera.eye).normalised();
    let side = forward.cross(Vec3::UP).normalised();
    let below = forward.cross(side);
    let (sine, cosine) = camera.roll.sin_cos();
    let (right, down) = (side * cosine + below * sine, below * cosine - side * sine);
    let distance = hip_depth * (1.0 + place.z / focal);
    let (x, y) = ((place.x - SIZE.0 as f32 / 2.0) / focal, (place.y - SIZE.1 as f32 / 2.0) / focal);
    camera.eye + (forward + right * x + down * y) * distance
}

/// Ankle, toe and heel of the right or the left foot.
pub(crate) fn foot_points(pose: &Pose, foot: usize) -> Option<[Keypoint; POINTS]> {
    let (ankle, points) =
        [(Joint::RightAnkle, &pose.right_foot), (Joint::LeftAnkle, &pose.left_foot)].into_iter().nth(foot)?;
    Some([pose.joint(ankle), *points.first()?, *points.get(1)?])
}

pub(crate) fn track(poses: &[Option<Pose>], cameras: &[Camera], hip_depths: &[f32], foot: usize) -> Option<Track> {
    let frames = poses.iter().zip(cameras).zip(hip_depths);
    frames
        .map(|((pose, camera), depth)| {
            let points = foot_points(pose.as_ref()?, foot)?;
            Some(points.map(|point| (point, scene_from_pose(camera, *depth, point))))
        })
        .collect()
}

pub(crate) fn lowest(track: &Track, point: usize) -> f32 {
    track.iter().map(|frame| frame[point].1.y).fold(f32::INFINITY, f32::min)
}

/// Where a point of a foot is slow and low.
pub(crate) fn contact(track: &Track, point: usize, hertz: f32) -> Vec<bool> {
    let place = |frame: usize| track[frame][point].1;
    let ground = lowest(track, point);
    let last = track.len() - 1;
    let near = |frame: usize| [frame.saturating_sub(1), (frame + 1).min(last)];
    (0..track.len())
        .map(|frame| {
            let slow = near(frame).into_iter().all(|other| (place(other) - place(frame)).length() * hertz < STILL);
            slow && place(frame).y < ground + LOW
        })
        .collect()
}

/// The clip of a seed, when its driver walks.
pub(crate) fn walk(seed: u64, share: f32, split: Split, assets: &Assets) -> Result<Option<Walk>, Box<dyn Error>> {
    let settings = ClipSettings {
        width: SIZE.0,
        height: SIZE.1,
        frames: FRAMES,
        split: Some(split),
        references: 1,
        prop_share: 0.0,
        furniture_share: 0.0,
        bystander_share: 0.0,
        blur_share: 0.0,
        noise_share: 0.0,
        mannequin_share: 0.0,
        video_share: 0.0,
        ..ClipSettings::default()
    };
    let mut spec = ClipSpec::draw(seed, assets, &settings)?;
    let motion = spec.action.motion.to_lowercase();
    if !GAITS.iter().any(|gait| motion.contains(gait)) {
        return Ok(None);
    }
    spec.scene.backdrop = Backdrop::Plain { colour: [0.2; 3] };
    let Some(cast) = spec.swapped.take() else { return Ok(None) };
    // 1. The character's reference.
    let swapped = ClipSpec {
        person: cast.clone(),
        cameras: spec.cameras[..1].to_vec(),
        references: std::mem::take(&mut spec.swapped_references),
        ..spec.clone()
    };
    let driver = render_parts(&spec, assets, Passes::CLIP)?.take;
    // 2. Does the driver walk?
    let middle =
        |joints: &[Vec3; Joint::COUNT]| joints[Joint::RightHip as usize].lerp(joints[Joint::LeftHip as usize], 0.5);
    let hips: Vec<Vec3> = driver.joints.iter().map(middle).collect();
    let depth = |(camera, hips): (&Camera, &Vec3)| camera.project(SIZE, *hips).1;
    let hip_depths: Vec<f32> = spec.cameras.iter().zip(&hips).map(depth).collect();
    let poses: Vec<Option<Pose>> = driver.poses.into_iter().map(Some).collect();
    let tracks = [0, 1].map(|foot| track(&poses, &spec.cameras, &hip_depths, foot));
    let [Some(right), Some(left)] = tracks else { return Ok(None) };
    let feet = [right, left];
    for (foot, ankle) in [Joint::RightAnkle, Joint::LeftAnkle].into_iter().enumerate() {
        let error = |(frame, joints): (&[(Keypoint, Vec3); POINTS], &[Vec3; Joint::COUNT])| {
            (frame[0].1 - joints[ankle as usize]).length()
        };
        let worst = feet[foot].iter().zip(&driver.joints).map(error).fold(0.0, f32::max);
        if worst > 2e-3 {
            return Err(format!("an ankle of clip {seed} is {worst} m from its joint").into());
        }
    }
    let hertz = spec.rate.hertz() as f32;
    let contacts = feet.each_ref().map(|track| [0, 1].map(|point| contact(track, point, hertz)));
    let way = hips[FRAMES - 1] - hips[0];
    let steps = contacts.iter().all(|[ankle, _]| {
        let count = ankle.iter().filter(|contact| **contact).count();
        (3..=FRAMES - 3).contains(&count)
    });
    if !steps || Vec3::new(way.x, 0.0, way.z).length() < TRAVEL {
        return Ok(None);
    }
    // 3. The character that takes the driver's place.
    let shown = render_parts(&swapped, assets, Passes { swapped: false, references: true })?.take;
    let reference = shown.references.first().zip(shown.reference_masks.first());
    let cutout = reference.and_then(|(picture, mask)| Cutout::new(picture, mask, shown.reference_poses.first()));
    let Some(puppet) = cutout.map(Puppet::new).filter(Puppet::is_jointed) else { return Ok(None) };
    let own = assets.characters().iter().find(|named| named.id == spec.person.character);
    let Some(own) = own.map(|named| named.item.height() * spec.person.scale) else { return Ok(None) };
    let height = HEIGHTS.0 + (HEIGHTS.1 - HEIGHTS.0) * share;
    let (motion, cameras) = (spec.action.motion, spec.cameras);
    Ok(Some(Walk { motion, poses, cameras, hip_depths, feet, contacts, puppet, height, size: height / own }))
}
