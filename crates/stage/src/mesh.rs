//! Defines meshes: triangles with materials, either bound to joints or rigid.

use std::sync::Arc;

use crate::linear::Vec3;
use crate::texture::Texture;
use crate::trig::Exact;

/// The kind of a surface, as far as recolouring needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Clothes, shoes, armour, and everything unknown.
    Cloth,
    /// Skin.
    Skin,
    /// Hair and brows.
    Hair,
    /// Eyes and teeth: never recoloured.
    Eye,
}

impl Kind {
    /// Guesses the kind from the material's name and whether it has holes.
    pub(crate) fn guess(name: &str, holes: bool) -> Self {
        let name = name.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        if has(&["brow", "hair", "beard", "moustache"]) {
            Self::Hair
        } else if has(&["eye", "teeth", "tongue", "lash"]) {
            Self::Eye
        } else if name == "body" || has(&["skin", "face", "head"]) {
            Self::Skin
        } else if holes {
            Self::Hair
        } else {
            Self::Cloth
        }
    }
}

/// The look of a surface.
#[derive(Debug, Clone)]
pub(crate) struct Material {
    /// Name in the file.
    pub(crate) name: String,
    /// Linear colour, which is multiplied with the texture.
    pub(crate) colour: [f32; 3],
    /// The texture, if any.
    pub(crate) texture: Option<Arc<Texture>>,
    /// Texels with less opacity than this are holes.
    pub(crate) cutoff: Option<f32>,
    /// Visible from behind too.
    pub(crate) double_sided: bool,
    /// The kind, for recolouring.
    pub(crate) kind: Kind,
}

/// Triangles in the rest pose, in metres.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mesh {
    /// Vertices.
    pub(crate) positions: Vec<Vec3>,
    /// Unit normals, one for each vertex.
    pub(crate) normals: Vec<Vec3>,
    /// Texture coordinates, one for each vertex.
    pub(crate) places: Vec<[f32; 2]>,
    /// Joints that move a vertex, strongest first; empty for rigid props.
    pub(crate) joints: Vec<[u16; 4]>,
    /// Their weights, which sum to 1.
    pub(crate) weights: Vec<[f32; 4]>,
    /// Vertices of each triangle, counter-clockwise seen from outside.
    pub(crate) triangles: Vec<[u32; 3]>,
    /// Material of each triangle.
    pub(crate) material_of: Vec<u16>,
    /// Materials.
    pub(crate) materials: Vec<Material>,
}

impl Mesh {
    /// Minimum and maximum vertex coordinates; zeros without vertices.
    pub(crate) fn bounds(&self) -> (Vec3, Vec3) {
        let Some(&first) = self.positions.first() else { return (Vec3::ZERO, Vec3::ZERO) };
        self.positions.iter().fold((first, first), |(low, high), &point| (low.min(point), high.max(point)))
    }

    /// Appends all of `other`. Its materials come after ours.
    pub(crate) fn append(&mut self, other: &Self) {
        let (corner, material) = (self.positions.len() as u32, self.materials.len() as u16);
        self.positions.extend_from_slice(&other.positions);
        self.normals.extend_from_slice(&other.normals);
        self.places.extend_from_slice(&other.places);
        self.joints.extend_from_slice(&other.joints);
        self.weights.extend_from_slice(&other.weights);
        self.triangles.extend(other.triangles.iter().map(|triangle| triangle.map(|index| index + corner)));
        self.material_of.extend(other.material_of.iter().map(|index| index + material));
        self.materials.extend_from_slice(&other.materials);
    }

    /// An ellipsoid around `centre` with the given half axes, in one material, bound to one joint.
    pub(crate) fn ellipsoid(centre: Vec3, half: Vec3, material: Material, joint: u16, detail: usize) -> Self {
        let (rows, columns) = (detail.max(3), 2 * detail.max(3));
        let mut mesh = Self { materials: vec![material], ..Self::default() };
        for row in 0..=rows {
            for column in 0..=columns {
                let (down, around) = (row as f32 / rows as f32, column as f32 / columns as f32);
                let (theta, phi) = (down * std::f32::consts::PI, around * std::f32::consts::TAU);
                let unit = Vec3::new(theta.sine() * phi.cosine(), theta.cosine(), -theta.sine() * phi.sine());
                mesh.positions.push(centre + Vec3::new(unit.x * half.x, unit.y * half.y, unit.z * half.z));
                mesh.normals.push(Vec3::new(unit.x / half.x, unit.y / half.y, unit.z / half.z).normalised());
                mesh.places.push([around, down]);
                mesh.joints.push([joint, 0, 0, 0]);
                mesh.weights.push([1.0, 0.0, 0.0, 0.0]);
            }
        }
        let at = |row: usize, column: usize| (row * (columns + 1) + column) as u32;
        for row in 0..rows {
            for column in 0..columns {
                let (a, b) = (at(row, column), at(row + 1, column));
                let (c, d) = (at(row + 1, column + 1), at(row, column + 1));
                mesh.triangles.extend([[a, b, c], [a, c, d]]);
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
    fn an_ellipsoids_triangles_face_outwards() {
        let material = Material {
            name: "ball".into(),
            colour: [1.0; 3],
            texture: None,
            cutoff: None,
            double_sided: false,
            kind: Kind::Cloth,
        };
        let mesh = Mesh::ellipsoid(Vec3::new(1.0, 0.0, 0.0), Vec3::new(1.0, 2.0, 3.0), material, 0, 6);
        for triangle in &mesh.triangles {
            let [a, b, c] = triangle.map(|index| mesh.positions[index as usize]);
            let normal = (b - a).cross(c - a);
            let middle = (a + b + c) * (1.0 / 3.0) - Vec3::new(1.0, 0.0, 0.0);
            assert!(normal.dot(middle) >= -1e-6, "{triangle:?}");
        }
    }

    #[test]
    fn material_names_say_what_they_are() {
        let table = [("body", false, Kind::Skin), ("short01", true, Kind::Hair), ("eyebrows", true, Kind::Hair)];
        let more = [("eyes", true, Kind::Eye), ("male_suit", false, Kind::Cloth), ("Hair_Blond", false, Kind::Hair)];
        for (name, holes, kind) in table.into_iter().chain(more) {
            assert_eq!(Kind::guess(name, holes), kind, "{name}");
        }
    }
}
