//! Locates the points of the project's skeleton convention on a character: body joints from the rig, face points from
//! the shape of the head, and hand points from the finger joints.

use perception::pose::{FACE_POINTS, HAND_POINTS, Joint};

use crate::body::bone::Bone;
use crate::body::skeleton::Skeleton;
use crate::linear::Vec3;
use crate::mesh::{Kind, Mesh};
use crate::side::Side;
use crate::trig::Exact;

/// A point that moves with a joint.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Landmark {
    pub(crate) joint: usize,
    /// Its position in the rest pose, in metres.
    pub(crate) rest: Vec3,
}

/// All points of a character.
#[derive(Debug, Clone)]
pub(crate) struct Landmarks {
    /// Indexed by [`Joint`].
    pub(crate) body: [Landmark; Joint::COUNT],
    /// Left, then right: [`HAND_POINTS`] each, or none where the rig has no fingers.
    pub(crate) hands: [Vec<Landmark>; 2],
    /// Left, then right: toe and heel.
    pub(crate) feet: [Vec<Landmark>; 2],
    /// [`FACE_POINTS`].
    pub(crate) face: Vec<Landmark>,
    /// Outermost points (top of the head, toes, hands), which framing must keep inside the picture.
    pub(crate) extremes: Vec<Landmark>,
}

/// Positions of the parts of a face, in metres.
struct Head {
    eye_height: f32,
    chin: f32,
    crown: f32,
    half_width: f32,
    front: f32,
    ear_depth: f32,
    middle: f32,
    half_eyes: f32,
}

impl Landmarks {
    pub(crate) fn find(skeleton: &Skeleton, mesh: &Mesh) -> Self {
        let bone = |bone: Bone| {
            let joint = skeleton.joint_or_above(bone);
            Landmark { joint, rest: skeleton.joints[joint].rest }
        };
        let head_joint = skeleton.joint_or_above(Bone::Head);
        let on_head = |rest: Vec3| Landmark { joint: head_joint, rest };
        let skin = head_corners(skeleton, mesh, head_joint);
        let head = measure(skeleton, mesh, head_joint, &skin);
        let surface = |x: f32, y: f32| on_head(Vec3::new(head.middle + x, y, depth_at(&skin, &head, x, y)));

        let neck = Landmark {
            joint: skeleton.joint_or_above(Bone::UpperSpine),
            rest: skeleton.rest(Bone::LeftUpperArm).lerp(skeleton.rest(Bone::RightUpperArm), 0.5),
        };
        let nose_height = head.eye_height + (head.chin - head.eye_height) * 0.42;
        let mut nose = surface(0.0, nose_height);
        nose.rest.z = nose.rest.z.max(head.front);
        let ear = |side: f32| {
            let x = head.middle + side * head.half_width * 0.97;
            on_head(Vec3::new(x, head.eye_height + (head.chin - head.eye_height) * 0.15, head.ear_depth))
        };
        let body = [
            nose,
            neck,
            bone(Bone::RightUpperArm),
            bone(Bone::RightLowerArm),
            bone(Bone::RightHand),
            bone(Bone::LeftUpperArm),
            bone(Bone::LeftLowerArm),
            bone(Bone::LeftHand),
            bone(Bone::RightThigh),
            bone(Bone::RightCalf),
            bone(Bone::RightFoot),
            bone(Bone::LeftThigh),
            bone(Bone::LeftCalf),
            bone(Bone::LeftFoot),
            surface(-head.half_eyes, head.eye_height),
            surface(head.half_eyes, head.eye_height),
            ear(-1.0),
            ear(1.0),
        ];
        let face = face_template()
            .into_iter()
            .map(|(x, y)| surface(x * head.half_width, head.eye_height + y * (head.chin - head.eye_height)))
            .collect();
        let hands = [Side::Left, Side::Right].map(|side| hand_points(skeleton, side));
        let feet = [Bone::LeftFoot, Bone::RightFoot].map(|foot| {
            let joint = skeleton.joint_or_above(foot);
            let rest = skeleton.joints[joint].rest;
            [0.15, -0.05].map(|forward| Landmark { joint, rest: Vec3::new(rest.x, 0.03, rest.z + forward) }).to_vec()
        });
        let mut extremes = vec![on_head(Vec3::new(head.middle, head.crown, head.ear_depth))];
        for foot in [Bone::LeftFoot, Bone::RightFoot] {
            let joint = skeleton.joint_or_above(foot);
            let rest = skeleton.joints[joint].rest;
            extremes.push(Landmark { joint, rest: Vec3::new(rest.x, 0.0, rest.z + 0.18) });
            extremes.push(Landmark { joint, rest: Vec3::new(rest.x, 0.0, rest.z - 0.06) });
        }
        for hand in [Bone::LeftHand, Bone::RightHand] {
            let joint = skeleton.joint_or_above(hand);
            let way = skeleton.direction(hand).unwrap_or_else(|| skeleton.rest(hand) - skeleton.rest(Bone::Head));
            extremes.push(Landmark { joint, rest: skeleton.joints[joint].rest + way.normalised() * 0.17 });
        }
        Self { body, hands, feet, face, extremes }
    }
}

/// Skin vertices that the head moves, or all vertices of the head if no material is known to be skin.
fn head_corners(skeleton: &Skeleton, mesh: &Mesh, head: usize) -> Vec<Vec3> {
    let under_head: Vec<bool> = (0..skeleton.joints.len())
        .map(|joint| {
            std::iter::successors(Some(joint), |&joint| skeleton.joints[joint].parent).any(|joint| joint == head)
        })
        .collect();
    let mut is_skin = vec![false; mesh.positions.len()];
    for (triangle, &material) in mesh.triangles.iter().zip(&mesh.material_of) {
        if mesh.materials[usize::from(material)].kind == Kind::Skin {
            triangle.iter().for_each(|&corner| is_skin[corner as usize] = true);
        }
    }
    let corners = |skin_only: bool| -> Vec<Vec3> {
        (0..mesh.positions.len())
            .filter(|&corner| under_head[usize::from(mesh.joints[corner][0])] && mesh.weights[corner][0] > 0.6)
            .filter(|&corner| !skin_only || is_skin[corner])
            .map(|corner| mesh.positions[corner])
            .collect()
    };
    let skin = corners(true);
    if skin.len() >= 30 { skin } else { corners(false) }
}

fn measure(skeleton: &Skeleton, mesh: &Mesh, head_joint: usize, skin: &[Vec3]) -> Head {
    let joint = skeleton.joints[head_joint].rest;
    if skin.len() < 8 {
        let size = skeleton.hip_height() * 0.13;
        return Head {
            eye_height: joint.y + size,
            chin: joint.y,
            crown: joint.y + 1.8 * size,
            half_width: 0.7 * size,
            front: joint.z + 0.9 * size,
            ear_depth: joint.z,
            middle: joint.x,
            half_eyes: 0.3 * size,
        };
    }
    let (low, high) = skin.iter().fold((skin[0], skin[0]), |(low, high), &p| (low.min(p), high.max(p)));
    // The front of the face distinguishes the chin from the nape: the chin has the lowest vertices that lie well
    // forward.
    let forward = low.z + 0.72 * (high.z - low.z);
    let chin = skin.iter().filter(|p| p.z > forward).map(|p| p.y).fold(high.y, f32::min);
    let crown = high.y;
    let eyes = eye_corners(mesh, head_joint);
    let middle = (low.x + high.x) / 2.0;
    let half_of = |select: &dyn Fn(&&Vec3) -> bool| {
        skin.iter().filter(select).map(|p| (p.x - middle).abs()).fold(0.0f32, f32::max)
    };
    let eye_height = match &eyes {
        Some((mean, _)) => mean.y,
        None => chin + 0.5 * (crown - chin),
    };
    let band = 0.12 * (crown - chin);
    let half_width = half_of(&|p| (p.y - eye_height).abs() < band).max(0.3 * (high.x - low.x));
    let half_eyes = eyes.as_ref().map_or(0.42 * half_width, |(_, half)| *half);
    let front = skin
        .iter()
        .filter(|p| (p.x - middle).abs() < 0.25 * half_width && p.y < eye_height && p.y > chin)
        .map(|p| p.z)
        .fold(joint.z, f32::max);
    let sides: Vec<f32> = skin
        .iter()
        .filter(|p| (p.y - eye_height).abs() < 2.0 * band && (p.x - middle).abs() > 0.85 * half_width)
        .map(|p| p.z)
        .collect();
    let ear_depth =
        if sides.is_empty() { (low.z + high.z) / 2.0 } else { sides.iter().sum::<f32>() / sides.len() as f32 };
    Head { eye_height, chin, crown, half_width, front, ear_depth, middle, half_eyes }
}

/// Mean position and half distance of the eyes, if there is a material for eyes.
fn eye_corners(mesh: &Mesh, head: usize) -> Option<(Vec3, f32)> {
    let mut sums = [(Vec3::ZERO, 0.0f32); 2];
    for (triangle, &material) in mesh.triangles.iter().zip(&mesh.material_of) {
        let material = &mesh.materials[usize::from(material)];
        if material.kind != Kind::Eye || !material.name.to_lowercase().contains("eye") {
            continue;
        }
        for &corner in triangle {
            if usize::from(mesh.joints[corner as usize][0]) == head {
                let point = mesh.positions[corner as usize];
                let (sum, count) = &mut sums[usize::from(point.x > 0.0)];
                *sum += point;
                *count += 1.0;
            }
        }
    }
    let [(right, right_count), (left, left_count)] = sums;
    if right_count < 3.0 || left_count < 3.0 {
        return None;
    }
    let (right, left) = (right * (1.0 / right_count), left * (1.0 / left_count));
    Some((right.lerp(left, 0.5), (left.x - right.x) / 2.0))
}

/// Depth of the face's surface at `x` from the middle and height `y`: that of the nearest vertex in front of the ears.
fn depth_at(skin: &[Vec3], head: &Head, x: f32, y: f32) -> f32 {
    let distance = |p: &Vec3| {
        let (dx, dy) = (p.x - head.middle - x, p.y - y);
        dx * dx + dy * dy
    };
    skin.iter()
        .filter(|p| p.z > head.ear_depth + 0.1 * (head.front - head.ear_depth))
        .min_by(|a, b| distance(a).total_cmp(&distance(b)))
        .map_or(head.front, |p| p.z)
}

/// The 68 face points, as (share of the half width towards the person's left, share of the distance from eyes to chin).
fn face_template() -> Vec<(f32, f32)> {
    let mut points = Vec::with_capacity(FACE_POINTS);
    // Jaw, from the person's right ear to the left ear.
    for index in 0..17 {
        let angle = index as f32 / 16.0 * std::f32::consts::PI;
        points.push((-0.94 * angle.cosine(), 0.05 + 0.95 * angle.sine().max(0.0).power(0.8)));
    }
    // Brows: right, then left.
    let brow = [(0.72, -0.20), (0.58, -0.30), (0.43, -0.33), (0.28, -0.30), (0.14, -0.25)];
    points.extend(brow.map(|(x, y)| (-x, y)));
    points.extend(brow.into_iter().rev());
    // Nose: bridge, then the base.
    points.extend([(0.0, 0.0), (0.0, 0.13), (0.0, 0.26), (0.0, 0.40)]);
    points.extend([(-0.19, 0.47), (-0.09, 0.50), (0.0, 0.51), (0.09, 0.50), (0.19, 0.47)]);
    // Eyes: the right one from its outer corner, the left one from its inner corner.
    let eye = [(-0.16, 0.0), (-0.06, -0.06), (0.06, -0.06), (0.16, 0.0), (0.06, 0.05), (-0.06, 0.05)];
    points.extend(eye.map(|(x, y)| (x - 0.43, y)));
    points.extend(eye.map(|(x, y)| (x + 0.43, y)));
    // Mouth: an outer ring of 12 and an inner ring of 8, both from the person's right corner over the upper lip.
    for (count, half_width, half_height) in [(12, 0.34f32, 0.09f32), (8, 0.27, 0.03)] {
        for index in 0..count {
            let angle = index as f32 / count as f32 * std::f32::consts::TAU;
            points.push((-half_width * angle.cosine(), 0.70 - half_height * angle.sine()));
        }
    }
    assert_eq!(points.len(), FACE_POINTS, "{} face points", points.len());
    points
}

/// The 21 points of a hand; none when a finger is missing.
fn hand_points(skeleton: &Skeleton, side: Side) -> Vec<Landmark> {
    let Some(wrist) = skeleton.joint(Bone::hand(side)) else { return Vec::new() };
    let at = |joint: usize| Landmark { joint, rest: skeleton.joints[joint].rest };
    let mut points = vec![at(wrist)];
    for finger in 0..5 {
        let chain = skeleton.finger(side, finger);
        let tip_after = |last: usize, before: usize| {
            let (last, before) = (at(last), at(before));
            Landmark { joint: last.joint, rest: last.rest + (last.rest - before.rest) * 0.9 }
        };
        match *chain {
            [a, b, c] => points.extend([at(a), at(b), at(c), tip_after(c, b)]),
            [a, b] => {
                let root = Landmark { joint: wrist, rest: at(wrist).rest.lerp(at(a).rest, 0.5) };
                points.extend([root, at(a), at(b), tip_after(b, a)]);
            }
            _ => return Vec::new(),
        }
    }
    assert_eq!(points.len(), HAND_POINTS, "{} hand points", points.len());
    points
}
