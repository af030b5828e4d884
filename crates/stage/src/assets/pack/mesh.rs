//! Stores meshes in asset packs. Positions have 16 bits per coordinate within the mesh's bounding box; normals and
//! weights have 8 bits. Triangle indices are stored as differences.

use std::sync::Arc;

use crate::assets::pack::byte_stream::{Damage, Reader, Writer};
use crate::linear::Vec3;
use crate::mesh::{Kind, Material, Mesh};
use crate::texture::Texture;

/// The textures of a pack, each stored once.
#[derive(Default)]
pub(crate) struct TextureTable {
    pub(crate) textures: Vec<Arc<Texture>>,
}

impl TextureTable {
    fn number(&mut self, texture: &Arc<Texture>) -> u16 {
        let known = self.textures.iter().position(|other| Arc::ptr_eq(other, texture));
        known.unwrap_or_else(|| {
            self.textures.push(texture.clone());
            self.textures.len() - 1
        }) as u16
    }
}

const KINDS: [Kind; 4] = [Kind::Cloth, Kind::Skin, Kind::Hair, Kind::Eye];
const NO_TEXTURE: u16 = u16::MAX;

/// Writes numbers in `N` columns as 16 bits between their minimum and maximum, column by column, as differences.
fn write_columns<const N: usize>(out: &mut Writer, rows: &[[f32; N]]) {
    out.u32(rows.len() as u32);
    for column in 0..N {
        let values = || rows.iter().map(|row| row[column]);
        let (low, high) = values().fold((f32::MAX, f32::MIN), |(low, high), value| (low.min(value), high.max(value)));
        let (low, high) = if rows.is_empty() { (0.0, 0.0) } else { (low, high) };
        out.floats([low, high]);
        let scale = if high > low { 65_535.0 / (high - low) } else { 0.0 };
        let mut last = 0u16;
        for value in values() {
            let whole = ((value - low) * scale + 0.5) as u16;
            out.u16(whole.wrapping_sub(last));
            last = whole;
        }
    }
}

fn read_columns<const N: usize>(from: &mut Reader<'_>) -> Result<Vec<[f32; N]>, Damage> {
    let count = from.u32()? as usize;
    if count > from.0.len() {
        return Err(format!("number of rows {count}, bytes left {}", from.0.len()));
    }
    let mut rows = vec![[0.0; N]; count];
    for column in 0..N {
        let [low, high] = from.floats()?;
        let mut last = 0u16;
        for row in &mut rows {
            last = last.wrapping_add(from.u16()?);
            row[column] = low + (high - low) * f32::from(last) / 65_535.0;
        }
    }
    Ok(rows)
}

pub(crate) fn write_mesh(out: &mut Writer, mesh: &Mesh, table: &mut TextureTable) {
    let rows: Vec<[f32; 3]> = mesh.positions.iter().map(|place| (*place).into()).collect();
    write_columns(out, &rows);
    write_columns(out, &mesh.places);
    for normal in &mesh.normals {
        [normal.x, normal.y, normal.z].iter().for_each(|value| out.u8((value * 127.0).round() as i8 as u8));
    }
    out.list(&mesh.joints, |out, joints| joints.iter().for_each(|joint| out.u16(*joint)));
    for weights in &mesh.weights {
        weights.iter().for_each(|weight| out.u8((weight * 255.0).round() as u8));
    }
    let mut last = 0u32;
    out.list(&mesh.triangles, |out, triangle| {
        for &corner in triangle {
            out.u32(corner.wrapping_sub(last));
            last = corner;
        }
    });
    mesh.material_of.iter().for_each(|&material| out.u16(material));
    out.list(&mesh.materials, |out, material| {
        out.text(&material.name);
        out.floats(material.colour);
        out.u16(material.texture.as_ref().map_or(NO_TEXTURE, |texture| table.number(texture)));
        out.f32(material.cutoff.unwrap_or(-1.0));
        out.u8(u8::from(material.double_sided));
        out.u8(KINDS.iter().position(|kind| *kind == material.kind).unwrap_or(0) as u8);
    });
}

pub(crate) fn read_mesh(from: &mut Reader<'_>, textures: &[Arc<Texture>]) -> Result<Mesh, Damage> {
    let mut mesh =
        Mesh { positions: read_columns::<3>(from)?.into_iter().map(Vec3::from).collect(), ..Mesh::default() };
    let corners = mesh.positions.len();
    mesh.places = read_columns::<2>(from)?;
    for _ in 0..corners {
        let [x, y, z] = [from.u8()?, from.u8()?, from.u8()?].map(|byte| f32::from(byte as i8));
        mesh.normals.push(Vec3::new(x, y, z).normalised());
    }
    mesh.joints = from.list(|from| Ok([from.u16()?, from.u16()?, from.u16()?, from.u16()?]))?;
    for _ in 0..mesh.joints.len() {
        let weights = [from.u8()?, from.u8()?, from.u8()?, from.u8()?].map(f32::from);
        let sum: f32 = weights.iter().sum();
        mesh.weights.push(if sum > 0.0 { weights.map(|weight| weight / sum) } else { [1.0, 0.0, 0.0, 0.0] });
    }
    let mut last = 0u32;
    mesh.triangles = from.list(|from| {
        let mut triangle = [0; 3];
        for corner in &mut triangle {
            last = last.wrapping_add(from.u32()?);
            *corner = last;
        }
        Ok(triangle)
    })?;
    for _ in 0..mesh.triangles.len() {
        mesh.material_of.push(from.u16()?);
    }
    mesh.materials = from.list(|from| {
        let (name, colour, texture, cutoff) = (from.text()?, from.floats()?, from.u16()?, from.f32()?);
        let (double_sided, kind) = (from.u8()? != 0, from.u8()?);
        let texture = match texture {
            NO_TEXTURE => None,
            number => Some(textures.get(usize::from(number)).ok_or("reference to a missing texture")?.clone()),
        };
        let kind = *KINDS.get(usize::from(kind)).ok_or("unknown kind of material")?;
        Ok(Material { name, colour, texture, cutoff: (cutoff >= 0.0).then_some(cutoff), double_sided, kind })
    })?;
    let whole = mesh.places.len() == corners
        && (mesh.joints.is_empty() || mesh.joints.len() == corners)
        && mesh.triangles.as_flattened().iter().all(|corner| (*corner as usize) < corners)
        && mesh.material_of.iter().all(|material| usize::from(*material) < mesh.materials.len());
    if whole { Ok(mesh) } else { Err("mesh with inconsistent parts".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::mannequin::mannequin;

    #[test]
    fn a_mesh_survives_within_its_quantisation() {
        let person = mannequin(2).unwrap();
        let mut out = Writer::default();
        write_mesh(&mut out, person.mesh(), &mut TextureTable::default());
        let read = read_mesh(&mut Reader(&out.0), &[]).unwrap();
        assert_eq!((&read.triangles, &read.joints), (&person.mesh().triangles, &person.mesh().joints));
        let worst = read.positions.iter().zip(&person.mesh().positions).map(|(a, b)| (*a - *b).length());
        assert!(worst.fold(0.0, f32::max) < 1e-4);
        // A pack that is cut off anywhere is refused.
        for length in (0..out.0.len()).step_by(997) {
            assert!(read_mesh(&mut Reader(&out.0[..length]), &[]).is_err(), "{length}");
        }
    }
}
