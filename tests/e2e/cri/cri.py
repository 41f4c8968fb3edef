#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Does what a kubelet does: makes, stops and removes pods and their containers through a CRI socket.

usage: cri.py SOCKET pod NAME UID                       prints the sandbox's id
       cri.py SOCKET run SANDBOX NAME UID SERVICE ATTEMPT IMAGE SCRIPT [HOST:CONTAINER[:ro]]...
                                                        prints the container's id
       cri.py SOCKET stop|remove CONTAINER
       cri.py SOCKET remove-pod SANDBOX

Needs Debian's python3-grpcio and python3-protobuf, and runtime_pb2.py, made of runtime.proto by protoc, on PYTHONPATH.
"""
import sys

import grpc
import runtime_pb2 as cri

NAMESPACE = "shop"
HOST, CONTAINER = 2, 1


def call(socket, method, request, answer=cri.Nothing):
    channel = grpc.insecure_channel("unix://" + socket)
    return channel.unary_unary(
        "/runtime.v1.RuntimeService/" + method,
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=answer.FromString,
    )(request, timeout=100)


def labels(name, uid):
    return {
        "io.kubernetes.pod.name": name,
        "io.kubernetes.pod.namespace": NAMESPACE,
        "io.kubernetes.pod.uid": uid,
    }


def sandbox_config(name, uid):
    options = cri.NamespaceOption(network=HOST, pid=CONTAINER)
    return cri.PodSandboxConfig(
        metadata=cri.PodSandboxMetadata(name=name, uid=uid, namespace=NAMESPACE),
        labels=labels(name, uid),
        linux=cri.LinuxPodSandboxConfig(
            cgroup_parent="/kubepods/pod" + uid,
            security_context=cri.SandboxSecurity(namespace_options=options),
        ),
    )


def mount(text):
    host, container, *access = text.split(":")
    return cri.Mount(host_path=host, container_path=container, readonly=access == ["ro"])


def run(socket, sandbox, name, uid, service, attempt, image, script, *mounts):
    options = cri.NamespaceOption(network=HOST, pid=CONTAINER)
    config = cri.ContainerConfig(
        metadata=cri.ContainerMetadata(name=service, attempt=int(attempt)),
        image=cri.ImageSpec(image=image),
        command=["/bin/sh", "-c", script],
        mounts=[mount(text) for text in mounts],
        labels={**labels(name, uid), "io.kubernetes.container.name": service},
        annotations={"io.kubernetes.container.restartCount": attempt},
        linux=cri.LinuxContainerConfig(security_context=cri.ContainerSecurity(namespace_options=options)),
    )
    request = cri.CreateContainerRequest(
        pod_sandbox_id=sandbox, config=config, sandbox_config=sandbox_config(name, uid)
    )
    container = call(socket, "CreateContainer", request, cri.Id).id
    call(socket, "StartContainer", cri.Id(id=container))
    return container


def main(socket, what, *rest):
    if what == "pod":
        request = cri.RunPodSandboxRequest(config=sandbox_config(*rest))
        print(call(socket, "RunPodSandbox", request, cri.Id).id)
    elif what == "run":
        print(run(socket, *rest))
    elif what == "stop":
        call(socket, "StopContainer", cri.StopContainerRequest(container_id=rest[0], timeout=0))
    elif what == "remove":
        call(socket, "RemoveContainer", cri.Id(id=rest[0]))
    elif what == "remove-pod":
        call(socket, "StopPodSandbox", cri.Id(id=rest[0]))
        call(socket, "RemovePodSandbox", cri.Id(id=rest[0]))
    else:
        sys.exit(__doc__)


main(*sys.argv[1:])
