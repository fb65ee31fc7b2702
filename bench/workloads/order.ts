/** Orders: 8 fields, about 175 bytes encoded. The same for the same index. */
export type Order = {
  readonly id: string
  readonly customer_id: string
  readonly status: string
  readonly amount_cents: number
  readonly created_at: number
  readonly note: string
  readonly region: string
  readonly priority: number
}

const statuses = ['pending', 'paid', 'shipped', 'delivered', 'returned']
const regions = ['eu-west', 'eu-north', 'us-east', 'us-west', 'ap-south']
const words = ['fragile', 'leave', 'at', 'the', 'door', 'gift', 'call', 'before', 'blue', 'box']

export function order(index: number): Order {
  const word = (shift: number) => words[(index * 7 + shift * 3) % words.length] ?? ''
  return {
    id: `order-${10_000_000 + index}`,
    customer_id: `customer-${(index * 7919) % 20_000}`,
    status: statuses[index % statuses.length] ?? '',
    amount_cents: (index * 7919) % 1_000_000,
    created_at: 1_700_000_000 + index,
    note: `${word(0)} ${word(1)} ${word(2)} ${word(3)}`,
    region: regions[(index * 3) % regions.length] ?? '',
    priority: index % 5
  }
}

export function* orders(from: number, count: number): Generator<Order, void> {
  for (let index = from; index < from + count; index++) yield order(index)
}
