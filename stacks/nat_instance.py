"""The smallest way to the internet: one hardened machine instead of a gateway in each zone."""

from collections.abc import Sequence

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from stacks.acknowledge import acknowledge

_SETUP = (
    # With x, so that a failure shows in the console's log: nobody can log in to look.
    "set -eux",
    # Half a gigabyte of memory is enough to forward, not for the package manager.
    "dd if=/dev/zero of=/swap bs=1M count=512 && chmod 600 /swap && mkswap /swap && swapon /swap",
    "dnf install --assumeyes iptables-services",
    "echo 'net.ipv4.ip_forward = 1' > /etc/sysctl.d/90-nat.conf",
    "sysctl --system",
    "interface=$(ip -o -4 route show default | awk '{print $5}' | head -1)",
    "systemctl enable --now iptables",
    'iptables -t nat -A POSTROUTING -o "$interface" -j MASQUERADE',
    # The service's own rules refuse to forward.
    "iptables -F FORWARD",
    "service iptables save",
)


class NatInstance(Construct):
    """A machine that forwards HTTPS of the private subnets, and takes nothing else.

    A tenth of what one NAT gateway costs. It is a single one: while it is replaced, which each
    deployment does when Amazon Linux has a newer image, nothing gets out for about a minute.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.Vpc,
        clients: Sequence[ec2.ISubnet],
    ) -> None:
        super().__init__(scope, construct_id)
        https = ec2.Port.tcp(443)
        group = ec2.SecurityGroup(
            self, "Group", vpc=vpc, description="Huntaze: NAT instance", allow_all_outbound=False
        )
        group.add_egress_rule(ec2.Peer.any_ipv4(), https, "TLS to the internet")
        for subnet in clients:
            group.add_ingress_rule(ec2.Peer.ipv4(subnet.ipv4_cidr_block), https, "forwarded TLS")
        machine = self._machine(vpc, group)
        for number, subnet in enumerate(clients, 1):
            ec2.CfnRoute(
                self,
                f"Route{number}",
                route_table_id=subnet.route_table.route_table_id,
                destination_cidr_block="0.0.0.0/0",
                instance_id=machine.instance_id,
            )

    def _machine(self, vpc: ec2.Vpc, group: ec2.ISecurityGroup) -> ec2.Instance:
        setup = ec2.UserData.for_linux()
        setup.add_commands(*_SETUP)
        machine = ec2.Instance(
            self,
            "Machine",
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnets=[vpc.public_subnets[0]]),
            associate_public_ip_address=True,
            block_devices=[
                ec2.BlockDevice(
                    device_name="/dev/xvda",
                    volume=ec2.BlockDeviceVolume.ebs(
                        8, encrypted=True, volume_type=ec2.EbsDeviceVolumeType.GP3
                    ),
                )
            ],
            instance_type=ec2.InstanceType("t4g.nano"),
            # CloudFormation asks for the newest image at deploy; nothing is looked up at synth.
            machine_image=ec2.MachineImage.latest_amazon_linux2023(
                cpu_type=ec2.AmazonLinuxCpuType.ARM_64
            ),
            require_imdsv2=True,
            security_group=group,
            # It forwards what is not addressed to it.
            source_dest_check=False,
            user_data=setup,
            user_data_causes_replacement=True,
        )
        # It installs what it needs from the internet.
        machine.node.add_dependency(vpc.internet_connectivity_established)
        acknowledge(machine, "EC28", "figures of five minutes are enough for the stage it is for")
        acknowledge(machine, "EC29", "it holds nothing: a lost one is replaced by a deployment")
        return machine
