//! Converts the operators of a network one by one into an ONNX graph.

use super::graph::{Converted, Graph};
use super::schema::Network;
use super::{Result, operators};

/// Converts the part of a `.tflite` file that its first `outputs` outputs need.
pub(crate) fn onnx_from_tflite(file: &[u8], outputs: usize) -> Result<Converted> {
    let network = Network::read(file)?;
    let mut graph = Graph::new(&network);
    for operator in &network.operators {
        operators::convert(&mut graph, operator)?;
    }
    graph.finish(outputs)
}
