//! Finds circular dependencies between files, as strongly connected components of their graph.

use std::collections::BTreeSet;

/// Groups of two or more files that all depend on one another. Each group is sorted, and groups are in the order of
/// their first file.
pub(super) fn circles(edges: &[BTreeSet<usize>]) -> Vec<Vec<usize>> {
    let reached: Vec<BTreeSet<usize>> = (0..edges.len()).map(|start| reachable(edges, start)).collect();
    let mut found: BTreeSet<Vec<usize>> = BTreeSet::new();
    for start in 0..edges.len() {
        if reached[start].contains(&start) {
            found.insert(reached[start].iter().copied().filter(|&other| reached[other].contains(&start)).collect());
        }
    }
    found.into_iter().filter(|circle| circle.len() > 1).collect()
}

/// Everything that `start` depends on. It contains `start` itself only if there is a cycle through other files.
fn reachable(edges: &[BTreeSet<usize>], start: usize) -> BTreeSet<usize> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
    while let Some(file) = open.pop() {
        open.extend(edges[file].iter().copied().filter(|&next| seen.insert(next)));
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_of_three_beside_a_chain() {
        let edges = [vec![1], vec![2], vec![0, 3], vec![4], vec![]];
        let edges: Vec<BTreeSet<usize>> = edges.into_iter().map(BTreeSet::from_iter).collect();
        assert_eq!(circles(&edges), [[0, 1, 2]]);
    }
}
