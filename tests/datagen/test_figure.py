"""The drawn figure against the package it comes from, and the renderer against closed forms."""

from dataclasses import replace

import mannequin
import numpy as np
import pytest

from datagen.body import SHAPES, Mannequin
from datagen.kinematics import joint_positions, matrices, world_quaternions
from datagen.seeing.raster import BACKGROUND, Camera, Mesh, render
from datagen.seeing.skin import skin_of
from tests.datagen.helpers import lively, people, still

CAMERA = Camera(np.array([0.0, 1.0, 0.0]), 0.0, 0.0, 4.0, 2.0, 80, 80)


def posed(bodies, motion):
    """The figure of the first body at the motion's first frame, its pelvis where it is at rest."""
    rotations, pelvis = motion.rotations_TJ3[:1], bodies.joints_NJ3[:1, 0]
    world = matrices(world_quaternions(rotations))[0]
    places = joint_positions(bodies.offsets_NJ3[0], rotations, pelvis)[0]
    return skin_of(bodies).posed(world, places)


def only(bodies, index):
    """One of several bodies."""
    arrays = ("joints_NJ3", "sole_N", "stature_N", "shape_N10")
    chosen = {name: getattr(bodies, name)[index : index + 1] for name in arrays}
    return replace(bodies, people=None, **chosen)


def test_the_mean_body_wears_the_figure_as_the_package_draws_it():
    motion = lively(1, seed=5)
    figure = mannequin.Mannequin("wooden", flat_hand_mean=True)
    pose = figure.rest_pose(dtype=np.float64)
    pose["global_rotation"] = motion.rotations_TJ3[0, 0]
    pose["body_pose"], pose["hand_pose"] = (
        motion.rotations_TJ3[0, 1:22],
        motion.rotations_TJ3[0, 22:],
    )
    truth = figure.vertices(pose)
    bodies = Mannequin().bodies(np.zeros((1, SHAPES)))
    found = posed(bodies, motion)
    # The package moves the pelvis' own offset along with its turn.
    found += (truth - found).mean(axis=0)
    assert np.abs(found - truth).max() < 1e-3


@pytest.mark.parametrize("index", range(5))
def test_the_figure_is_as_tall_as_its_body(index):
    body = only(people(5, seed=2), index)
    vertices = posed(body, still(1))
    height = vertices[:, 1].max() - vertices[:, 1].min()
    assert height == pytest.approx(body.stature_N[0], abs=0.015)
    assert vertices[:, 1].min() == pytest.approx(body.sole_N[0], abs=0.01)


def test_a_camera_sees_points_where_a_pinhole_does():
    column, row, away = CAMERA.project(np.array([[0.5, 1.25, 1.0]]))[0]
    # 3 m before it; 80 pixels are 2 m at 4 m, so 160 pixels for each unit of the tangent.
    assert (column, row, away) == pytest.approx((40 + 160 * 0.5 / 3, 40 - 160 * 0.25 / 3, 3.0))
    from_the_left = replace(CAMERA, azimuth=90.0)
    assert np.allclose(from_the_left.place_3, [4.0, 1.0, 0.0])
    assert from_the_left.project(np.array([[0.0, 1.0, -0.5]]))[0, 0] == pytest.approx(60)


def square(z, half, colour):
    corners = np.array([[-half, 1 - half, z], [half, 1 - half, z], [half, 1 + half, z]])
    corners = np.vstack([corners, [[-half, 1 + half, z]]])
    return Mesh(corners, np.array([[0, 1, 2], [0, 2, 3]]), np.tile(np.float32(colour), (4, 1)))


def test_the_nearer_of_two_surfaces_is_seen_whatever_the_order():
    far, near = square(0.0, 0.5, [1, 0, 0]), square(2.0, 0.1, [0, 0, 1])
    for meshes in ([far, near], [near, far]):
        image = render(CAMERA, meshes)
        red = (image[..., 0] > 0.3) & (image[..., 2] < 0.3)
        blue = (image[..., 2] > 0.3) & (image[..., 0] < 0.3)
        # Half a metre at 4 m is 20 pixels, a tenth at 2 m is 8; together the larger square.
        assert blue.sum() == 16 * 16
        assert (red | blue).sum() == 40 * 40
        assert blue[40, 40]
        assert not blue[40, 25]
        assert np.allclose(image[0, 0], BACKGROUND)
