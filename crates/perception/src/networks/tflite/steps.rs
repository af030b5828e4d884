//! Cuts a converted network into steps. Most steps are ONNX models for the runtime. Between these models, this
//! project's own code runs operators on planes at which the runtime is slow.

use std::collections::{HashMap, HashSet};

use kernels::PlaneGeometry;
use prost::Message;

use super::onnx::{GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, ValueInfoProto};
use super::{Fault, Result};
use crate::networks::plane_resize::PlaneResize;

/// The ONNX operator set of the nodes.
const OPERATOR_SET: i64 = 17;

/// Largest number of cells that operators on planes read or write.
const MAX_CELLS: usize = 1 << 26;

/// True when this project can process planes of these sides. Larger or empty planes are left to the runtime.
pub(super) fn is_workable(channels: usize, [rows, columns]: [usize; 2]) -> bool {
    let cells = channels.checked_mul(rows).and_then(|cells| cells.checked_mul(columns));
    cells.is_some_and(|cells| (1..=MAX_CELLS).contains(&cells))
}

/// An input or output of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Port {
    /// Its name in the ONNX graph.
    pub(crate) name: String,
    /// Its shape in the ONNX graph: channels first for rank 4.
    pub(crate) shape: Vec<usize>,
}

/// One operator of a converted network.
pub(crate) enum Operation {
    Node(NodeProto),
    Planes(PlaneOperation),
}

/// An operator on planes `[1, C, H, W]`.
pub(crate) struct PlaneOperation {
    /// Name of the operand.
    pub(crate) source: String,
    /// Name of the result.
    pub(crate) result: String,
    pub(crate) work: PlaneWork,
}

/// The operation on planes.
pub(crate) enum PlaneWork {
    Convolution { geometry: PlaneGeometry, weight: Vec<f32>, bias: Vec<f32> },
    Resize(PlaneResize),
}

/// A part of a network that runs at once.
pub(crate) enum Step {
    /// An encoded ONNX model.
    Onnx {
        model: Vec<u8>,
        inputs: Vec<Port>,
        outputs: Vec<Port>,
    },
    Planes(PlaneOperation),
}

impl Operation {
    fn results(&self) -> &[String] {
        match self {
            Self::Node(node) => &node.output,
            Self::Planes(planes) => std::slice::from_ref(&planes.result),
        }
    }

    fn operands(&self) -> &[String] {
        match self {
            Self::Node(node) => &node.input,
            Self::Planes(planes) => std::slice::from_ref(&planes.source),
        }
    }
}

/// The steps that lead to `outputs`. Operations on which none of them depends are dropped.
pub(crate) fn steps(
    operations: Vec<Operation>,
    initializers: &[TensorProto],
    shapes: &HashMap<String, Vec<usize>>,
    outputs: &[Port],
) -> Result<Vec<Step>> {
    let mut needed: HashSet<String> = outputs.iter().map(|port| port.name.clone()).collect();
    let mut kept = Vec::new();
    for operation in operations.into_iter().rev() {
        if operation.results().iter().any(|name| needed.contains(name)) {
            needed.extend(operation.operands().iter().cloned());
            kept.push(operation);
        }
    }
    // From the end to the start, because later steps determine which results are needed.
    let mut needed: HashSet<String> = outputs.iter().map(|port| port.name.clone()).collect();
    let (mut steps, mut nodes) = (Vec::new(), Vec::new());
    for operation in kept {
        match operation {
            Operation::Node(node) => nodes.push(node),
            Operation::Planes(planes) => {
                steps.extend(onnx(&mut nodes, initializers, shapes, &mut needed)?);
                needed.insert(planes.source.clone());
                steps.push(Step::Planes(planes));
            }
        }
    }
    steps.extend(onnx(&mut nodes, initializers, shapes, &mut needed)?);
    steps.reverse();
    Ok(steps)
}

/// The model of the collected nodes, which are in reverse order. Adds what it needs to `needed`.
fn onnx(
    nodes: &mut Vec<NodeProto>,
    initializers: &[TensorProto],
    shapes: &HashMap<String, Vec<usize>>,
    needed: &mut HashSet<String>,
) -> Result<Option<Step>> {
    if nodes.is_empty() {
        return Ok(None);
    }
    let nodes: Vec<NodeProto> = nodes.drain(..).rev().collect();
    let made: Vec<&String> = nodes.iter().flat_map(|node| &node.output).collect();
    let used: HashSet<&String> = nodes.iter().flat_map(|node| &node.input).collect();
    let weights: Vec<TensorProto> = initializers.iter().filter(|weight| used.contains(&weight.name)).cloned().collect();
    let port = |name: &String| {
        let shape = shapes.get(name).ok_or_else(|| Fault::malformed(format!("value `{name}` has no shape")))?;
        Ok(Port { name: name.clone(), shape: shape.clone() })
    };
    let outputs =
        made.iter().filter(|name| needed.contains(**name)).map(|name| port(name)).collect::<Result<Vec<_>>>()?;
    let known: HashSet<&String> = made.iter().copied().chain(weights.iter().map(|weight| &weight.name)).collect();
    let mut names: Vec<&String> = used.into_iter().filter(|name| !name.is_empty() && !known.contains(name)).collect();
    names.sort();
    let inputs = names.iter().map(|name| port(name)).collect::<Result<Vec<_>>>()?;
    needed.extend(inputs.iter().map(|port| port.name.clone()));
    let info =
        |ports: &[Port]| ports.iter().map(|port| ValueInfoProto::floats(port.name.clone(), &port.shape)).collect();
    let graph = GraphProto {
        input: info(&inputs),
        output: info(&outputs),
        node: nodes,
        name: "network".into(),
        initializer: weights,
    };
    let model = ModelProto {
        ir_version: 8,
        producer_name: "stuntdouble".into(),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPERATOR_SET }],
    };
    Ok(Some(Step::Onnx { model: model.encode_to_vec(), inputs, outputs }))
}
