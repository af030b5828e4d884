//! Reads meshes and characters from glTF files. Vertices are converted to the scene's space in the rest pose, so later
//! code needs no node transforms.

use std::path::Path;

use crate::assets::gltf::file::GltfFile;
use crate::assets::texture_file::TextureCache;
use crate::body::character::Character;
use crate::body::skeleton::Skeleton;
use crate::error::StageError;
use crate::linear::{Affine, Vec3};
use crate::mesh::{Kind, Material, Mesh};

/// Most triangles in one file.
const TRIANGLE_LIMIT: usize = 1_000_000;

/// How the vertices of a primitive are mapped to the scene.
enum Binding<'a> {
    /// With one map. The joint index is kept for rigid parts of characters.
    Rigid(Affine, u16),
    /// With weighted joints: for each joint of the skin, the scene-from-bind map and the character's joint index.
    Skinned(&'a [(Affine, u16)]),
}

fn material(file: &GltfFile, source: &gltf::Material<'_>, cache: &TextureCache) -> Result<Material, StageError> {
    let look = source.pbr_metallic_roughness();
    let [r, g, b, _] = look.base_color_factor();
    let texture = match look.base_color_texture() {
        Some(info) => Some(file.texture(&info.texture(), cache)?),
        None => None,
    };
    let holes = source.alpha_mode() != gltf::material::AlphaMode::Opaque;
    let cutoff = (holes && texture.as_ref().is_some_and(|texture| texture.has_alpha()))
        .then(|| source.alpha_cutoff().unwrap_or(0.5));
    let name = source.name().unwrap_or("").to_owned();
    let kind = Kind::guess(&name, cutoff.is_some());
    let clean = |value: f32| if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.5 };
    Ok(Material {
        name,
        colour: [clean(r), clean(g), clean(b)],
        texture,
        cutoff,
        double_sided: source.double_sided(),
        kind,
    })
}

/// Reads one primitive; points and lines are ignored.
fn primitive(
    file: &GltfFile,
    source: &gltf::Primitive<'_>,
    binding: &Binding<'_>,
    cache: &TextureCache,
) -> Result<Mesh, StageError> {
    use gltf::Semantic;
    let mut mesh = Mesh::default();
    let Some(positions) = source.get(&Semantic::Positions) else { return Ok(mesh) };
    if source.mode() != gltf::mesh::Mode::Triangles {
        return Ok(mesh);
    }
    let positions = file.vectors(&positions, "a position")?;
    let normals = match source.get(&Semantic::Normals) {
        Some(accessor) => file.vectors(&accessor, "a normal")?,
        None => Vec::new(),
    };
    mesh.places = match source.get(&Semantic::TexCoords(0)) {
        Some(accessor) => file.numbers::<2>(&accessor)?,
        None => Vec::new(),
    };
    mesh.places.iter_mut().flatten().filter(|place| !place.is_finite()).for_each(|place| *place = 0.0);
    mesh.places.resize(positions.len(), [0.0; 2]);
    let indices: Vec<u32> = match source.indices() {
        Some(accessor) => file.integers::<1>(&accessor)?.into_iter().map(|[index]| index).collect(),
        None => (0..positions.len() as u32).collect(),
    };
    if indices.len() / 3 > TRIANGLE_LIMIT {
        let (path, found) = (file.path.clone(), (indices.len() / 3) as u64);
        return Err(StageError::TooLarge { path, what: "number of triangles", found, limit: TRIANGLE_LIMIT as u64 });
    }
    if let Some(index) = indices.iter().find(|index| **index as usize >= positions.len()) {
        return Err(file.malformed(
            format!("corner index {index}, number of corners {}", positions.len()),
            "indices of existing corners",
        ));
    }
    mesh.triangles = indices.as_chunks::<3>().0.to_vec();

    // Converts vertices to the scene. A map that mirrors would turn triangles inside out.
    let mut mirrored = false;
    match binding {
        Binding::Rigid(map, joint) => {
            mirrored = map.determinant() < 0.0;
            mesh.positions = positions.iter().map(|&point| map.point(point)).collect();
            mesh.normals = normals.iter().map(|&normal| map.vector(normal).normalised()).collect();
            mesh.joints = vec![[*joint, 0, 0, 0]; positions.len()];
            mesh.weights = vec![[1.0, 0.0, 0.0, 0.0]; positions.len()];
        }
        Binding::Skinned(joints) => {
            let (Some(indices), Some(weights)) = (source.get(&Semantic::Joints(0)), source.get(&Semantic::Weights(0)))
            else {
                return Err(file.malformed("a skinned mesh without weights".into(), "`JOINTS_0` and `WEIGHTS_0`"));
            };
            let indices = file.integers::<4>(&indices)?;
            let weights = file.numbers::<4>(&weights)?;
            if indices.len() != positions.len() || weights.len() != positions.len() {
                return Err(file.malformed("the weights do not match the corners".into(), "weights for every corner"));
            }
            for (corner, (indices, weights)) in indices.iter().zip(&weights).enumerate() {
                let (indices, weights) = clean_weights(file, *indices, *weights, joints.len())?;
                let blend = |part: &dyn Fn(&Affine) -> Vec3| {
                    (0..4).fold(Vec3::ZERO, |sum, slot| sum + part(&joints[indices[slot]].0) * weights[slot])
                };
                mesh.positions.push(blend(&|map| map.point(positions[corner])));
                if let Some(&normal) = normals.get(corner) {
                    mesh.normals.push(blend(&|map| map.vector(normal)).normalised());
                }
                mesh.joints.push(indices.map(|index| joints[index].1));
                mesh.weights.push(weights);
            }
        }
    }
    if mirrored {
        mesh.triangles.iter_mut().for_each(|triangle| triangle.swap(1, 2));
    }
    if mesh.normals.len() != mesh.positions.len() {
        mesh.normals = normals_of(&mesh.positions, &mesh.triangles);
    }
    if !mesh.positions.iter().all(|point| point.is_finite()) {
        return Err(StageError::NotFinite { path: file.path.clone(), what: "a position" });
    }
    mesh.materials = vec![material(file, &source.material(), cache)?];
    mesh.material_of = vec![0; mesh.triangles.len()];
    Ok(mesh)
}

/// Weights that sum to 1, strongest first, with existing joints only.
fn clean_weights(
    file: &GltfFile,
    indices: [u32; 4],
    weights: [f32; 4],
    joints: usize,
) -> Result<([usize; 4], [f32; 4]), StageError> {
    if weights.iter().any(|weight| !weight.is_finite()) {
        return Err(StageError::NotFinite { path: file.path.clone(), what: "a skin weight" });
    }
    let mut order = [0, 1, 2, 3];
    order.sort_by(|&a, &b| weights[b].total_cmp(&weights[a]));
    let sum: f32 = weights.iter().map(|weight| weight.max(0.0)).sum();
    let indices = order.map(|slot| if weights[slot] > 0.0 { indices[slot] as usize } else { 0 });
    if let Some(index) = indices.iter().find(|index| **index >= joints) {
        return Err(
            file.malformed(format!("joint index {index}, number of joints {joints}"), "indices of existing joints")
        );
    }
    let weights = if sum > 1e-6 { order.map(|slot| weights[slot].max(0.0) / sum) } else { [1.0, 0.0, 0.0, 0.0] };
    Ok((indices, weights))
}

/// Area-weighted normals, for files without normals.
fn normals_of(positions: &[Vec3], triangles: &[[u32; 3]]) -> Vec<Vec3> {
    let mut normals = vec![Vec3::ZERO; positions.len()];
    for triangle in triangles {
        let [a, b, c] = triangle.map(|index| positions[index as usize]);
        let normal = (b - a).cross(c - a);
        triangle.iter().for_each(|&index| normals[index as usize] += normal);
    }
    normals.into_iter().map(Vec3::normalised).collect()
}

/// The separate objects of a file of rigid props: one for each root node with triangles, named after the node.
pub(crate) fn objects(path: &Path, cache: &TextureCache) -> Result<Vec<(String, Mesh)>, StageError> {
    let file = GltfFile::open(path)?;
    let maps = file.scene_from_nodes()?;
    let mut roots: Vec<(usize, String, Mesh)> = Vec::new();
    for node in file.document.nodes() {
        let Some(mesh) = node.mesh() else { continue };
        let mut root = node.index();
        while let Some(parent) = file.parents[root] {
            root = parent;
        }
        let slot = match roots.iter().position(|(index, ..)| *index == root) {
            Some(slot) => slot,
            None => {
                let name = file.document.nodes().nth(root).and_then(|node| node.name().map(str::to_owned));
                roots.push((root, name.unwrap_or_default(), Mesh::default()));
                roots.len() - 1
            }
        };
        for part in mesh.primitives() {
            let part = primitive(&file, &part, &Binding::Rigid(maps[node.index()], 0), cache)?;
            roots[slot].2.append(&part);
        }
    }
    let mut objects: Vec<_> = roots.into_iter().map(|(_, name, mesh)| (name, mesh)).collect();
    objects.retain(|(_, mesh)| !mesh.triangles.is_empty());
    if objects.is_empty() {
        return Err(file.malformed("no triangles".into(), "an object with triangles"));
    }
    for (_, mesh) in &mut objects {
        mesh.joints.clear();
        mesh.weights.clear();
    }
    Ok(objects)
}

/// A rigged person.
pub(crate) fn character(path: &Path, pack: &str, cache: &TextureCache) -> Result<Character, StageError> {
    let file = GltfFile::open(path)?;
    let maps = file.scene_from_nodes()?;
    let names = &file.names;

    // The joints of all skins together, parents first.
    let mut is_joint = vec![false; names.len()];
    for skin in file.document.skins() {
        skin.joints().for_each(|joint| is_joint[joint.index()] = true);
    }
    let depth = |node: usize| std::iter::successors(file.parents[node], |&node| file.parents[node]).count();
    let mut joints: Vec<usize> = (0..names.len()).filter(|&node| is_joint[node]).collect();
    joints.sort_by_key(|&node| (depth(node), node));
    if joints.is_empty() {
        return Err(StageError::NotHumanoid { path: path.to_owned(), missing: "all joints".into() });
    }
    let joint_of = |node: usize| joints.iter().position(|&joint| joint == node);
    let joint_above =
        |node: usize| std::iter::successors(Some(node), |&node| file.parents[node]).find_map(joint_of).unwrap_or(0);
    let skeleton_joints = joints.iter().map(|&node| {
        (names[node].clone(), file.parents[node].and_then(|parent| is_joint[parent].then(|| joint_above(parent))))
    });
    let places = joints.iter().map(|&node| maps[node].origin);
    let skeleton = Skeleton::new(skeleton_joints.zip(places).map(|((name, parent), rest)| (name, parent, rest)));
    let skeleton = skeleton.map_err(|missing| StageError::NotHumanoid { path: path.to_owned(), missing })?;

    let mut mesh = Mesh::default();
    for node in file.document.nodes() {
        let Some(source) = node.mesh() else { continue };
        let bind = match node.skin() {
            Some(skin) => Some(skin_maps(&file, &skin, &maps, &joint_of)?),
            None => None,
        };
        for part in source.primitives() {
            let binding = match &bind {
                Some(joints) => Binding::Skinned(joints),
                None => Binding::Rigid(maps[node.index()], joint_above(node.index()) as u16),
            };
            let part = primitive(&file, &part, &binding, cache)?;
            mesh.append(&part);
        }
    }
    if mesh.triangles.is_empty() {
        return Err(file.malformed("no triangles".into(), "a person with triangles"));
    }
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    Character::new(name, pack.to_owned(), skeleton, mesh)
        .map_err(|missing| StageError::NotHumanoid { path: path.to_owned(), missing })
}

/// For each joint of a skin: the scene-from-bind map in the rest pose, and the character's index of the joint.
fn skin_maps(
    file: &GltfFile,
    skin: &gltf::Skin<'_>,
    maps: &[Affine],
    joint_of: &dyn Fn(usize) -> Option<usize>,
) -> Result<Vec<(Affine, u16)>, StageError> {
    let inverse: Vec<Affine> = match skin.inverse_bind_matrices() {
        Some(accessor) => file
            .numbers::<16>(&accessor)?
            .into_iter()
            .map(|cells| {
                Affine::from_columns(std::array::from_fn(|column| std::array::from_fn(|row| cells[column * 4 + row])))
            })
            .collect(),
        None => Vec::new(),
    };
    if !inverse.iter().all(Affine::is_finite) {
        return Err(StageError::NotFinite { path: file.path.clone(), what: "an inverse bind matrix" });
    }
    Ok(skin
        .joints()
        .enumerate()
        .map(|(slot, node)| {
            let bind = inverse.get(slot).copied().unwrap_or(Affine::IDENTITY);
            (maps[node.index()].after(&bind), joint_of(node.index()).unwrap_or(0) as u16)
        })
        .collect())
}
