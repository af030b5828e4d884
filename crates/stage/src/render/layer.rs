//! Draws a mesh at one instant: its vertices are moved, lit and projected, and its triangles are rasterised into
//! samples and shaded.

use crate::camera::{NEAR, View};
use crate::light::{LightTable, shade};
use crate::linear::{Affine, Vec3};
use crate::mesh::Mesh;
use crate::render::raster::{Faces, Samples, ScreenCorner};
use crate::render::shadow::ShadowMap;

/// Position of the layer's index in a sample's ID, above the triangle's bits.
const LAYER_SHIFT: u32 = 26;

/// The layer and triangle of an ID.
pub(crate) fn layer_and_triangle(id: u32) -> (usize, usize) {
    ((id >> LAYER_SHIFT) as usize, (id & ((1 << LAYER_SHIFT) - 1)) as usize)
}

/// The vertices of one mesh at one instant. The vectors are reused from frame to frame.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    pub(crate) scene: Vec<Vec3>,
    pub(crate) view: Vec<Vec3>,
    pub(crate) screen: Vec<ScreenCorner>,
    /// Surrounding light.
    pub(crate) around: Vec<[f32; 3]>,
    /// The sun's share by the angle alone.
    pub(crate) sun: Vec<f32>,
    pub(crate) normals: Vec<Vec3>,
}

impl Moved {
    /// Moves every vertex. `maps` has one map for each joint; a rigid mesh uses the first.
    pub(crate) fn update(&mut self, mesh: &Mesh, maps: &[Affine], view: &View, light: &LightTable) {
        let count = mesh.positions.len();
        self.scene.clear();
        self.view.clear();
        self.screen.clear();
        self.around.clear();
        self.sun.clear();
        self.normals.clear();
        for corner in 0..count {
            let blended;
            let map = match mesh.weights.get(corner) {
                None => &maps[0],
                Some(weights) => {
                    let joints = mesh.joints[corner];
                    if weights[0] > 0.999 {
                        &maps[usize::from(joints[0])]
                    } else {
                        blended = blend(maps, joints, *weights);
                        &blended
                    }
                }
            };
            let scene = map.point(mesh.positions[corner]);
            let normal = map.vector(mesh.normals[corner]).normalised();
            let place = view.view_from_scene(scene);
            let nearness = 1.0 / place.z.max(NEAR);
            let focal = view.focal * nearness;
            self.scene.push(scene);
            self.view.push(place);
            self.screen.push([view.centre[0] + place.x * focal, view.centre[1] + place.y * focal, nearness]);
            self.around.push(shade(&light.around, normal));
            self.sun.push(normal.dot(light.sun_direction).max(0.0));
            self.normals.push(normal);
        }
    }

    /// Draws the mesh as layer `layer`.
    pub(crate) fn draw(&self, mesh: &Mesh, layer: usize, view: &View, samples: &mut Samples) {
        let base = (layer as u32) << LAYER_SHIFT;
        for (index, (triangle, &material)) in mesh.triangles.iter().zip(&mesh.material_of).enumerate() {
            let corners = triangle.map(|corner| corner as usize);
            let material = &mesh.materials[usize::from(material)];
            let faces = if material.double_sided { Faces::Both } else { Faces::Front };
            let id = base | index as u32;
            let behind = corners.map(|corner| self.view[corner].z < NEAR);
            if behind == [true; 3] {
                continue;
            }
            if behind != [false; 3] {
                let corners = corners.map(|corner| self.view[corner]);
                for triangle in clipped(corners) {
                    samples.draw(triangle.map(|corner| screen_from_view(view, corner)), id, faces, None);
                }
                continue;
            }
            let screen = corners.map(|corner| self.screen[corner]);
            match (&material.texture, material.cutoff) {
                (Some(texture), Some(cutoff)) => {
                    let places = corners.map(|corner| mesh.places[corner]);
                    let level = texture.level_for(density(texture.size(), &places, &screen));
                    let opaque = |weights: [f32; 3]| {
                        let [u, v] = blend_places(&places, weights);
                        texture.alpha(u, v, level) >= cutoff
                    };
                    samples.draw(screen, id, faces, Some(&opaque));
                }
                _ => samples.draw(screen, id, faces, None),
            }
        }
    }

    /// Draws the surfaces that face away from the sun into a shadow map.
    pub(crate) fn draw_shadow(&self, mesh: &Mesh, map: &mut ShadowMap) {
        map.add(&self.scene, mesh);
    }
}

#[inline]
pub(crate) fn blend_places(places: &[[f32; 2]; 3], weights: [f32; 3]) -> [f32; 2] {
    std::array::from_fn(|axis| {
        places[0][axis] * weights[0] + places[1][axis] * weights[1] + places[2][axis] * weights[2]
    })
}

/// Number of finest texels in a sample, from the areas of the triangle in the texture and on the screen.
pub(crate) fn density((width, height): (usize, usize), places: &[[f32; 2]; 3], screen: &[ScreenCorner; 3]) -> f32 {
    let area =
        |a: [f32; 2], b: [f32; 2], c: [f32; 2]| ((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])).abs();
    let texels = area(places[0], places[1], places[2]) * (width * height) as f32;
    let [a, b, c] = screen.map(|[x, y, _]| [x, y]);
    (texels / area(a, b, c).max(1e-6)).sqrt()
}

#[inline]
fn blend(maps: &[Affine], joints: [u16; 4], weights: [f32; 4]) -> Affine {
    let mut sum = Affine { columns: [Vec3::ZERO; 3], origin: Vec3::ZERO };
    for slot in 0..4 {
        let weight = weights[slot];
        if weight == 0.0 {
            break;
        }
        let map = &maps[usize::from(joints[slot])];
        for column in 0..3 {
            sum.columns[column] += map.columns[column] * weight;
        }
        sum.origin += map.origin * weight;
    }
    sum
}

fn screen_from_view(view: &View, corner: Vec3) -> ScreenCorner {
    let nearness = 1.0 / corner.z.max(NEAR);
    let focal = view.focal * nearness;
    [view.centre[0] + corner.x * focal, view.centre[1] + corner.y * focal, nearness]
}

/// The part of a triangle in front of the near plane: one or two triangles of the same orientation.
fn clipped(corners: [Vec3; 3]) -> Vec<[Vec3; 3]> {
    let mut outline = Vec::with_capacity(4);
    for index in 0..3 {
        let (from, to) = (corners[index], corners[(index + 1) % 3]);
        if from.z >= NEAR {
            outline.push(from);
        }
        if (from.z >= NEAR) != (to.z >= NEAR) {
            outline.push(from.lerp(to, (NEAR - from.z) / (to.z - from.z)));
        }
    }
    (2..outline.len()).map(|last| [outline[0], outline[last - 1], outline[last]]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clipping_keeps_the_part_in_front() {
        let corners = [Vec3::new(0.0, 0.0, 1.0), Vec3::new(1.0, 0.0, 1.0), Vec3::new(0.0, 1.0, -1.0)];
        let parts = clipped(corners);
        assert_eq!(parts.len(), 2);
        assert!(parts.as_flattened().iter().all(|corner| corner.z >= NEAR - 1e-6));
        let behind = corners.map(|corner| Vec3::new(corner.x, corner.y, -1.0));
        assert!(clipped(behind).is_empty());
    }

    #[test]
    fn density_counts_texels_a_sample() {
        let screen = [[0.0, 0.0, 1.0], [8.0, 0.0, 1.0], [0.0, 8.0, 1.0]];
        let places = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]];
        assert!((density((32, 32), &places, &screen) - 4.0).abs() < 1e-5);
    }
}
