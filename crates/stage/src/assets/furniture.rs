//! Generates built-in furniture from a seed: tables, stools, chairs, shelves, crates and columns of boxes.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::assets::prop::Prop;
use crate::colour::hsv;
use crate::linear::Vec3;
use crate::mesh::{Kind, Material, Mesh};

/// Names of the kinds, in the style of loaded props.
const KINDS: [&str; 6] = ["table", "stool", "chair", "bookshelf", "crate", "column"];

/// The kind for `seed`.
pub(crate) fn kind_of(seed: u64) -> &'static str {
    KINDS[(seed / 20 % KINDS.len() as u64) as usize]
}

/// The prop for `seed`.
pub(crate) fn furniture(seed: u64) -> Prop {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0x6675_726e_6974);
    let wood = hsv(random.random_range(0.2..0.8), random.random_range(0.2..0.7), random.random_range(0.08..0.6));
    let second = match random.random_bool(0.5) {
        true => wood.map(|value| value * 0.6),
        false => hsv(random.random_range(0.0..6.0), random.random_range(0.1..0.8), random.random_range(0.1..0.7)),
    };
    let material = |name: &str, colour: [f32; 3]| Material {
        name: name.into(),
        colour,
        texture: None,
        cutoff: None,
        double_sided: false,
        kind: Kind::Cloth,
    };
    let (wood, second) = (material("wood", wood), material("cover", second));
    let mut mesh = Mesh::default();
    let mut block = |low: [f32; 3], high: [f32; 3], material: &Material| {
        mesh.append(&Mesh::cuboid(low.into(), high.into(), material.clone()));
    };
    let thick = random.random_range(0.02..0.04);
    let kind = kind_of(seed);
    match kind {
        "table" => {
            let (x, z) = (0.45 + 0.01 * (seed % 23) as f32, 0.32 + 0.01 * (seed % 17) as f32);
            legs(thick, x * 0.94, z * 0.94, 0.71).iter().for_each(|(low, high)| block(*low, *high, &wood));
            block([-x, 0.71, -z], [x, 0.75, z], &second);
        }
        "stool" | "chair" => {
            legs(thick, 0.21, 0.21, 0.44).iter().for_each(|(low, high)| block(*low, *high, &wood));
            block([-0.22, 0.43, -0.22], [0.22, 0.47, 0.22], &second);
            if kind == "chair" {
                block([-0.22, 0.47, -0.22], [-0.17, 0.92, -0.17], &wood);
                block([0.17, 0.47, -0.22], [0.22, 0.92, -0.17], &wood);
                block([-0.22, 0.68, -0.215], [0.22, 0.94, -0.18], &second);
            }
        }
        "bookshelf" => {
            let (x, z) = (0.4 + 0.01 * (seed % 19) as f32, 0.15);
            for side in [-x, x - 0.03] {
                block([side, 0.0, -z], [side + 0.03, 1.8, z], &wood);
            }
            block([-x, 0.0, -z], [x, 1.8, -z + 0.02], &wood);
            for level in 0..5 {
                let y = 0.05 + 0.43 * level as f32;
                block([-x, y, -z], [x, y + 0.03, z], &wood);
                if level < 4 {
                    let wide = 0.3 + 0.13 * ((seed >> level) % 5) as f32;
                    block([-x + 0.04, y + 0.03, -z + 0.03], [-x + 0.04 + x * wide, y + 0.30, z - 0.04], &second);
                }
            }
        }
        "crate" => {
            block([-0.26, 0.02, -0.26], [0.26, 0.50, 0.26], &wood);
            for y in [0.0, 0.44] {
                block([-0.28, y, -0.28], [0.28, y + 0.08, 0.28], &second);
            }
        }
        _ => {
            block([-0.19, 0.0, -0.19], [0.19, 0.15, 0.19], &second);
            block([-0.14, 0.15, -0.14], [0.14, 2.2, 0.14], &wood);
            block([-0.2, 2.2, -0.2], [0.2, 2.35, 0.2], &second);
        }
    }
    mesh.joints.clear();
    mesh.weights.clear();
    Prop::new(kind.to_owned(), "furniture".into(), mesh)
}

/// Lowest and highest corners of four legs below a board of half sides `x` and `z`.
fn legs(thick: f32, x: f32, z: f32, top: f32) -> [([f32; 3], [f32; 3]); 4] {
    [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)].map(|(sign_x, sign_z)| {
        let (middle_x, middle_z) = (sign_x * (x - thick), sign_z * (z - thick));
        ([middle_x - thick, 0.0, middle_z - thick], [middle_x + thick, top, middle_z + thick])
    })
}

impl Mesh {
    /// A box.
    pub(crate) fn cuboid(low: Vec3, high: Vec3, material: Material) -> Self {
        let mut mesh = Self { materials: vec![material], ..Self::default() };
        let (middle, half) = (low.lerp(high, 0.5), (high - low) * 0.5);
        let axes = [Vec3::new(half.x, 0.0, 0.0), Vec3::new(0.0, half.y, 0.0), Vec3::new(0.0, 0.0, half.z)];
        for axis in 0..3 {
            for sign in [1.0, -1.0] {
                let (out, right, up) = (axes[axis] * sign, axes[(axis + 1) % 3] * sign, axes[(axis + 2) % 3]);
                let first = mesh.positions.len() as u32;
                for (u, v) in [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)] {
                    mesh.positions.push(middle + out + right * u + up * v);
                    mesh.normals.push(out.normalised());
                    mesh.places.push([0.5 + 0.5 * u, 0.5 - 0.5 * v]);
                    mesh.joints.push([0; 4]);
                    mesh.weights.push([1.0, 0.0, 0.0, 0.0]);
                }
                mesh.triangles.extend([[first, first + 1, first + 2], [first, first + 2, first + 3]]);
                mesh.material_of.extend([0, 0]);
            }
        }
        mesh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_triangles_of_a_box_face_outwards() {
        let material = furniture(0).mesh().materials[0].clone();
        let mesh = Mesh::cuboid(Vec3::new(1.0, 0.0, 0.0), Vec3::new(2.0, 3.0, 0.5), material);
        let middle = Vec3::new(1.5, 1.5, 0.25);
        for triangle in &mesh.triangles {
            let [a, b, c] = triangle.map(|index| mesh.positions[index as usize]);
            let normal = (b - a).cross(c - a);
            assert!(normal.dot((a + b + c) * (1.0 / 3.0) - middle) > 0.0, "{triangle:?}");
            assert!(normal.normalised().dot(mesh.normals[triangle[0] as usize]) > 0.999);
        }
    }

    #[test]
    fn every_kind_stands_about() {
        for kind in 0..KINDS.len() as u64 {
            let thing = furniture(kind * 20);
            assert_eq!(thing.name(), KINDS[kind as usize]);
            assert!(thing.standing_sizes().is_some(), "{}", thing.name());
        }
    }
}
