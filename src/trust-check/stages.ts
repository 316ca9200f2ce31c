/**
 * The steps of a handshake, in their order.
 *
 * @module
 */
import { clientStage, keyExchangeStage, trafficStage } from './admission.ts'
import { connectionStage, filesStage, nameStage, tlsStage } from './arrival.ts'
import { certificateStage, trustStage } from './certificate.ts'
import type { Stage } from './visit.ts'

export const stages: readonly Stage[] = [
  filesStage,
  nameStage,
  connectionStage,
  tlsStage,
  certificateStage,
  trustStage,
  keyExchangeStage,
  clientStage,
  trafficStage,
]
