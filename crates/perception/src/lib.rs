//! Turns frames into signals (pose, person mask, depth along the bones), and signals into conditions (shape-agnostic
//! mask, environment, skeleton map, structured depth, region of interest). The crate starts no process and uses no
//! network.

pub mod agreement;
pub mod align;
pub mod composite;
pub mod conditions;
pub mod contact_sheet;
mod distance;
pub mod error;
pub mod inpaint;
pub mod maps;
pub mod mask;
pub mod networks;
pub mod objects;
pub mod overlay;
pub mod perceiver;
pub mod person;
pub mod pose;
pub mod reference;
pub mod region;
pub mod region_path;
pub mod scale_augmentation;
pub mod signals;
pub mod stream;
