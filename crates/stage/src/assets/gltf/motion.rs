//! Reads motions from glTF files. An animation is used as a motion if its nodes are a person's joints.

use std::path::Path;

use crate::assets::gltf::file::GltfFile;
use crate::body::bone::Bone;
use crate::body::motion::{MOTION_RATE, Motion, MotionSample};
use crate::body::skeleton::Skeleton;
use crate::error::StageError;
use crate::linear::{Quat, Vec3};

/// Longest motion kept, in seconds.
const LONGEST: f32 = 600.0;

/// One animated node: rotations or translations over time.
struct Track<const N: usize> {
    times: Vec<f32>,
    values: Vec<[f32; N]>,
}

impl<const N: usize> Track<N> {
    /// Values before and after `time`, and the share of the second.
    fn around(&self, time: f32) -> ([f32; N], [f32; N], f32) {
        let after = self.times.partition_point(|&key| key <= time).clamp(1, self.times.len().max(2) - 1);
        let (Some(&first), Some(&second)) = (self.times.get(after - 1), self.times.get(after)) else {
            return (self.values[0], self.values[0], 0.0);
        };
        let share = if second > first { ((time - first) / (second - first)).clamp(0.0, 1.0) } else { 0.0 };
        (self.values[after - 1], self.values[after], share)
    }
}

/// All motions of a file whose nodes are a person's joints.
pub(crate) fn motions(path: &Path, pack: &str) -> Result<Vec<Motion>, StageError> {
    let file = GltfFile::open(path)?;
    let maps = file.scene_from_nodes()?;
    let nodes: Vec<gltf::Node<'_>> = file.document.nodes().collect();
    // Nodes, parents first.
    let depth = |node: usize| std::iter::successors(file.parents[node], |&node| file.parents[node]).count();
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    order.sort_by_key(|&node| (depth(node), node));
    let slot_of = |node: usize| order.iter().position(|&other| other == node).unwrap_or(0);
    let skeleton = Skeleton::new(
        order.iter().map(|&node| (file.names[node].clone(), file.parents[node].map(slot_of), maps[node].origin)),
    )
    .map_err(|missing| StageError::NotHumanoid { path: path.to_owned(), missing })?;
    let rest_turn = |node: usize| Quat::from_parts(nodes[node].transform().decomposed().1);
    let mut bones = vec![None; nodes.len()];
    for bone in Bone::ALL {
        if let Some(slot) = skeleton.joint(bone) {
            bones[order[slot]] = Some(bone);
        }
    }
    let rest_turns = world_turns(&order, &file.parents, rest_turn);

    let mut motions = Vec::new();
    for (index, animation) in file.document.animations().enumerate() {
        let name = animation.name().map_or_else(|| format!("motion{index}"), str::to_owned);
        let mut turns: Vec<Option<Track<4>>> = (0..nodes.len()).map(|_| None).collect();
        let mut walk: Option<(usize, Track<3>)> = None;
        for channel in animation.channels() {
            let node = channel.target().node().index();
            let sampler = channel.sampler();
            match channel.target().property() {
                gltf::animation::Property::Rotation => turns[node] = Some(track(&file, &sampler)?),
                gltf::animation::Property::Translation if bones[node] == Some(Bone::Pelvis) => {
                    walk = Some((node, track(&file, &sampler)?));
                }
                _ => {}
            }
        }
        let ends = turns.iter().flatten().filter_map(|track| track.times.last());
        let end = ends.chain(walk.iter().filter_map(|(_, track)| track.times.last())).fold(0.0f32, |a, &b| a.max(b));
        let count = (end.min(LONGEST) * MOTION_RATE).round() as usize + 1;
        let pelvis_rest = skeleton.rest(Bone::Pelvis);
        let samples = (0..count)
            .map(|sample| {
                let time = sample as f32 / MOTION_RATE;
                let world = world_turns(&order, &file.parents, |node| match &turns[node] {
                    Some(track) => {
                        let (a, b, share) = track.around(time);
                        Quat::from_parts(a).lerp(Quat::from_parts(b), share)
                    }
                    None => rest_turn(node),
                });
                let pelvis = walk.as_ref().map_or(pelvis_rest, |(node, track)| {
                    let (a, b, share) = track.around(time);
                    let local = Vec3::from(a).lerp(Vec3::from(b), share);
                    file.parents[*node].map_or(local, |parent| maps[parent].point(local))
                });
                // Bones without their own joint follow the joint above.
                let mut delta = [Quat::IDENTITY; Bone::COUNT];
                for bone in Bone::ALL {
                    delta[bone as usize] = match skeleton.joint(bone) {
                        Some(slot) => world[order[slot]].after(rest_turns[order[slot]].inverse()),
                        None => bone.parent().map_or(Quat::IDENTITY, |parent| delta[parent as usize]),
                    };
                }
                MotionSample { turns: delta, pelvis }
            })
            .collect();
        motions.push(Motion {
            name,
            pack: pack.to_owned(),
            samples,
            hip_height: skeleton.hip_height(),
            directions: std::array::from_fn(|bone| skeleton.direction(Bone::ALL[bone])),
        });
    }
    if motions.is_empty() {
        return Err(file.malformed("no animation".into(), "at least one animation"));
    }
    Ok(motions)
}

fn world_turns(order: &[usize], parents: &[Option<usize>], local: impl Fn(usize) -> Quat) -> Vec<Quat> {
    let mut world = vec![Quat::IDENTITY; order.len()];
    for &node in order {
        let above = parents[node].map_or(Quat::IDENTITY, |parent| world[parent]);
        world[node] = above.after(local(node));
    }
    world
}

fn track<const N: usize>(file: &GltfFile, sampler: &gltf::animation::Sampler<'_>) -> Result<Track<N>, StageError> {
    let times: Vec<f32> = file.numbers::<1>(&sampler.input())?.into_iter().map(|[time]| time).collect();
    let mut values = file.numbers::<N>(&sampler.output())?;
    if sampler.interpolation() == gltf::animation::Interpolation::CubicSpline {
        // In-tangent, value, out-tangent. The values alone are accurate enough at these key rates.
        values = values.into_iter().skip(1).step_by(3).collect();
    }
    if times.is_empty() || values.len() < times.len() {
        return Err(file.malformed(
            format!("number of animation values {}, number of times {}", values.len(), times.len()),
            "a value for every time",
        ));
    }
    if !times.iter().chain(values.as_flattened()).all(|number| number.is_finite()) {
        return Err(StageError::NotFinite { path: file.path.clone(), what: "an animation" });
    }
    Ok(Track { times, values })
}
