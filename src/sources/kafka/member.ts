/**
 * The member that this source is in its group: the leader gets all partitions, anybody else none.
 *
 * kafkajs can neither be given partitions nor told not to share them, so the group is used for what it is good at: it says
 * who was first. The coordinator keeps its leader for as long as that answers, and only the leader assigns. So whoever finds
 * itself a member without being the leader came second, and knows that the first is alive, for a dead leader assigns nothing.
 */
import kafkajs, { type PartitionAssigner } from "kafkajs";

const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol;

/** Name of the protocol: whoever comes into the group with another one is refused by the broker. */
const PROTOCOL = "sagewatch";
const VERSION = 0;

/** The assigner of a member; `token` tells it from all others, also from earlier lives of the same process. */
export function createAssigner(token: string): PartitionAssigner {
  const userData = Buffer.from(token);
  const isSelf = (metadata: Buffer): boolean => MemberMetadata.decode(metadata)?.userData.equals(userData) ?? false;
  return ({ cluster }) => ({
    name: PROTOCOL,
    version: VERSION,
    protocol: ({ topics }) => ({
      name: PROTOCOL,
      metadata: MemberMetadata.encode({ version: VERSION, topics, userData }),
    }),
    assign: async ({ members, topics }) => {
      const all = topics.map(
        (topic) => [topic, cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)] as const,
      );
      return members.map(({ memberId, memberMetadata }) => ({
        memberId,
        memberAssignment: MemberAssignment.encode({
          version: VERSION,
          assignment: isSelf(memberMetadata) ? Object.fromEntries(all) : {},
          userData,
        }),
      }));
    },
  });
}
