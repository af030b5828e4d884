//! Frames to signals (pose, person mask, depth along the bones) and signals to conditions (shape-agnostic mask,
//! environment, skeleton map, structured depth, region of interest). Starts no process and uses no network.

pub mod blazepose;
mod candidates;
pub mod error;
pub mod mask;
pub mod mask_steadiness;
pub mod network;
pub mod pose;

pub mod agreement;
pub mod align;
pub mod conditions;
pub mod contact_sheet;
pub mod cut_out;
mod distance;
mod extremities;
pub mod foreground;
mod guided_filter;
pub mod inpaint;
pub mod objects;
pub mod one_euro;
pub mod overlay;
pub mod paste;
pub mod people;
pub mod perceiver;
pub mod person_mask;
mod plane_resize;
pub mod reference;
pub mod region;
pub mod region_path;
mod resample;
pub mod saliency;
pub mod scale_augmentation;
pub mod scene_cut;
pub mod signals;
pub mod skeleton;
pub mod stream;
mod stroke;
pub mod structured_depth;
mod tflite;
pub mod tracker;
pub mod turned_square;
